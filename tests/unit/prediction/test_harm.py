"""Flags follow forecast harm, not the edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.model.kernel import Float64Array
from recsysops.prediction.harm import (
    FLAG_PROBABILITY,
    HARM_FLOOR,
    STANDING_RATE,
    WRONG_RATE,
    MetadataTrack,
    SupplierRecord,
    Suspicion,
    choose_flag_level,
    flag_launch,
    harm_probability,
    is_harm,
    learn_supplier_record,
    suspect_metadata,
)
from recsysops.prediction.peers import PeerTable, tabulate_peers
from recsysops.vocabulary import ItemFeatures, UpcomingLaunch

from tests.fakes.served_world import make_items

PLAIN = replace(make_items(3)[0], source="korea", language="ko", genres=("Drama",), year=2000)
PEERS = tabulate_peers(
    [replace(PLAIN, item_id=f"p{n:02d}", batch=f"2025-{1 + n % 12:02d}-01") for n in range(60)]
)
UPCOMING = replace(PLAIN, item_id="u", batch="2026-02-01", version=2)
ShareOf = Callable[[ItemFeatures, ItemFeatures], Float64Array]


def shares_if(is_right: Callable[[ItemFeatures], bool], *, gain: float = 0.2) -> ShareOf:
    """A model that shows the item to `gain` more of the panel when its metadata is right."""

    def share_of(item: ItemFeatures, _: ItemFeatures) -> Float64Array:
        return np.full(5, 0.05 + gain * is_right(item))

    return share_of


LANGUAGE_MATTERS = shares_if(lambda item: item.language == "ko")
NOTHING_MATTERS = shares_if(lambda _: True)
NOTHING_KNOWN = SupplierRecord()


def suspect(
    item: ItemFeatures,
    *earlier: ItemFeatures,
    share_of: ShareOf = LANGUAGE_MATTERS,
    record: SupplierRecord = NOTHING_KNOWN,
    peers: PeerTable = PEERS,
) -> tuple[Suspicion, ...]:
    return suspect_metadata(
        UpcomingLaunch(item, earlier), peers=peers, share_of=share_of, record=record
    )


def test_a_missing_language_is_flagged_with_what_peers_have() -> None:
    flags = flag_launch(suspect(replace(UPCOMING, language=None)))
    assert [flag.feature for flag in flags] == ["language"]
    assert flags[0].describe() == (
        "language is missing; most peers have ko; forecast 0.050, put right 0.250"
    )
    assert flags[0].harm_probability == pytest.approx(STANDING_RATE)


def test_a_language_unlike_all_peers_is_suspected_by_bayes_rule() -> None:
    """60 peers, none agrees, nor does anybody else: (0 + 6 * 0.5/61) / 66; chance 0.12."""
    (suspicion,) = suspect(replace(UPCOMING, language="en"))
    support, rate = 6 * (0.5 / 61.0) / 66.0, WRONG_RATE
    by_hand = rate * 0.12 / (rate * 0.12 + (1 - rate) * support)
    assert suspicion.kind == "unlike peers"
    assert suspicion.wrong == pytest.approx(by_hand)
    assert suspicion.describe().startswith(
        "language is en, unlike its peers: 0 of 60 peers agree, most have ko"
    )


def test_of_two_versions_peers_say_which_is_wrong() -> None:
    broken = replace(UPCOMING, language="en")
    (suspicion,) = suspect(broken, replace(UPCOMING, version=1))
    assert suspicion.kind == "changed"
    right, wrong = (60 + 6 * 59.5 / 61) / 66, (6 * 0.5 / 61) / 66
    assert suspicion.wrong == pytest.approx(right / (right + wrong))
    assert suspicion.describe().startswith("language changed from ko to en; 0 of 60 peers agree;")
    assert flag_launch((suspicion,))


def test_a_language_that_got_lost_is_put_right_with_what_it_was() -> None:
    (suspicion,) = suspect(replace(UPCOMING, language=None), replace(UPCOMING, version=1))
    assert suspicion.describe() == "language got lost, it was ko; forecast 0.050, put right 0.250"
    assert flag_launch((suspicion,))


def test_a_mistake_in_favour_of_the_launch_is_not_flagged() -> None:
    """Two cases in five lose a little by the missing language, three win a lot."""

    def share_of(item: ItemFeatures, _: ItemFeatures) -> Float64Array:
        return np.array([0.1, 0.1, 0.3, 0.3, 0.3]) - (
            np.array([-0.05, -0.05, 0.2, 0.2, 0.2]) * (item.language == "ko")
        )

    (suspicion,) = suspect(replace(UPCOMING, language=None), share_of=share_of)
    assert suspicion.harm_probability == pytest.approx(0.4 * STANDING_RATE)
    assert not flag_launch((suspicion,), 0.1)


def test_a_repaired_value_is_not_flagged() -> None:
    assert not flag_launch(suspect(UPCOMING, replace(UPCOMING, version=1, language="en")))


def test_an_edit_without_effect_is_not_flagged() -> None:
    """Same missing language: but the model shows the item to nobody more for it."""
    assert not flag_launch(suspect(replace(UPCOMING, language=None), share_of=NOTHING_MATTERS))


def test_an_effect_below_the_floor_is_not_flagged() -> None:
    small = shares_if(lambda item: item.language == "ko", gain=HARM_FLOOR * 0.9)
    assert not flag_launch(suspect(replace(UPCOMING, language=None), share_of=small))


def test_right_metadata_is_not_suspected() -> None:
    assert suspect(UPCOMING) == ()


def test_genres_that_were_only_added_to_are_a_refinement() -> None:
    refined = replace(UPCOMING, genres=("Crime", "Drama"))
    matters = shares_if(lambda item: item.genres == ("Drama",))
    assert not flag_launch(suspect(refined, replace(UPCOMING, version=1), share_of=matters))


def test_price_and_stock_do_not_score_and_are_not_suspected() -> None:
    assert suspect(replace(UPCOMING, price=None, in_stock=None)) == ()


def test_without_peers_a_missing_value_has_no_correction() -> None:
    assert suspect(replace(UPCOMING, language=None), peers=tabulate_peers([])) == ()


def test_all_missing_names_every_feature() -> None:
    bare = replace(UPCOMING, language=None, genres=(), year=None)
    matters = shares_if(
        lambda item: item.language == "ko" or item.genres == ("Drama",) or item.year == 2000
    )
    assert {s.feature for s in flag_launch(suspect(bare, share_of=matters))} == {
        "language",
        "genres",
        "year",
    }


def test_values_weigh_by_how_many_peers_have_them() -> None:
    """A third of the nearest peers is French, where nothing is lost: harm is two thirds sure."""
    mixed = tabulate_peers(
        [
            replace(PLAIN, item_id=f"p{n}", batch=str(n), language="fr" if n % 3 == 0 else "ko")
            for n in range(60)
        ]
    )
    (suspicion,) = suspect(replace(UPCOMING, language=None), peers=mixed)
    assert suspicion.hurts == pytest.approx(2 / 3)
    assert suspicion.corrected_share == pytest.approx(0.05 + 0.2 * 2 / 3)


def test_likeliest_harm_comes_first() -> None:
    bare = replace(UPCOMING, language=None, genres=("Sci-Fi",))
    found = suspect(bare)
    assert [s.harm_probability for s in found] == sorted(
        (s.harm_probability for s in found), reverse=True
    )


def test_a_share_on_the_floor_is_harm_in_spite_of_binary_fractions() -> None:
    corrected, delivered = np.array([0.1 + 0.2 + HARM_FLOOR]), np.array([0.3])
    assert is_harm(corrected, delivered).all()
    assert not is_harm(delivered + HARM_FLOOR - 0.001, delivered).any()


def test_suppliers_that_repair_at_once_are_flagged_less() -> None:
    broken = replace(UPCOMING, language=None)
    (suspicion,) = suspect(broken)
    repaired = [MetadataTrack(broken, UPCOMING, (suspicion,)) for _ in range(40)]
    left = [MetadataTrack(broken, broken, (suspicion,)) for _ in range(40)]
    quick, slow = learn_supplier_record(repaired), learn_supplier_record(left)
    assert quick.standing_rate("korea") < 0.2
    assert slow.standing_rate("korea") > 0.9
    assert not flag_launch(suspect(broken, record=quick))
    assert flag_launch(suspect(broken, record=slow))


def test_careless_suppliers_are_believed_less() -> None:
    careless = [MetadataTrack(replace(UPCOMING, year=None, genres=()), UPCOMING)] * 30
    careful = [MetadataTrack(UPCOMING, UPCOMING)] * 30
    assert learn_supplier_record(careless).wrong_rate("korea") > 0.4
    assert learn_supplier_record(careful).wrong_rate("korea") < WRONG_RATE
    assert learn_supplier_record(careful).wrong_rate("unknown") == pytest.approx(WRONG_RATE)


def test_no_suspicion_no_flag() -> None:
    assert flag_launch(()) == ()


def test_the_flag_level_is_where_flags_expect_to_be_right_often_enough() -> None:
    """By hand: 30 at 0.9 and 20 at 0.3 are right (27 + 6) / 50 = 66 % of the time."""
    past = [0.9] * 30 + [0.3] * 20 + [0.0] * 500
    assert choose_flag_level(past, expected_precision=0.65) == 0.3
    assert choose_flag_level(past, expected_precision=0.67) == 0.9


def test_a_world_with_likelier_harms_is_flagged_from_a_lower_probability_on() -> None:
    careful = choose_flag_level([0.7] * 10 + [0.3] * 60)
    careless = choose_flag_level([0.7] * 100 + [0.3] * 20)
    assert (careful, careless) == (0.7, 0.3)


def test_hopeless_or_unknown_worlds_have_a_level_too() -> None:
    assert choose_flag_level([0.2] * 60) == 1.0
    assert choose_flag_level([0.9] * 49 + [0.0] * 500) == FLAG_PROBABILITY
    assert choose_flag_level(()) == FLAG_PROBABILITY


@given(st.lists(st.floats(0, 1), max_size=200), st.floats(0.1, 0.9))
def test_what_is_flagged_from_the_level_on_expects_the_precision(
    past: list[float], expected: float
) -> None:
    level = choose_flag_level(past, expected_precision=expected)
    if level not in (1.0, FLAG_PROBABILITY):
        assert np.mean([value for value in past if value >= level]) >= expected - 1e-9


def test_the_likeliest_harm_of_a_launch_counts() -> None:
    found = suspect(replace(UPCOMING, language=None, genres=("Sci-Fi",)))
    assert harm_probability(found) == found[0].harm_probability
    assert harm_probability(()) == 0.0
