from __future__ import annotations

from datetime import timedelta

from recsysops.resolution.menu import MENU
from recsysops.resolution.proposal import LastGood, ProposalTerms, propose_hotfixes
from recsysops.serving.flag_document import build_flag_document

from tests.fakes.small_catalogue import NOW, make_item

TERMS = ProposalTerms(owner="ada", now=NOW, hours=12)
GOOD = {
    "i1": make_item("i1", language="fr", year=1999, price=2.0),
    "i2": make_item("i2", language=None),
}


def diagnose(**changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "incident_id": "inc-1",
        "verdict": "input",
        "component": "item_features",
        "feature": "language",
        "model_id": "",
        "item_ids": ["i1", "i2"],
    }
    return {**plain, **changes}


def kinds_of(proposals) -> list[str]:
    return [proposal.hotfix.kind for proposal in proposals]


def test_a_wrong_feature_is_overridden_first_then_masked_then_blocked() -> None:
    proposals = propose_hotfixes(diagnose(), last_good=LastGood(GOOD), terms=TERMS)
    assert kinds_of(proposals) == [
        "override_feature",
        "mask_feature",
        "block_items",
        "popularity_fallback",
    ]
    assert [proposal.rank for proposal in proposals] == [1, 2, 3, 4]
    first = proposals[0].hotfix
    assert first.params == {"feature": "language", "values": {"i1": "fr", "i2": None}}
    assert first.incident_id == "inc-1"
    assert first.expires_at == NOW + timedelta(hours=12)


def test_every_proposal_is_a_valid_document_with_a_trade_off() -> None:
    for diagnosis in (diagnose(), diagnose(verdict="model", component="model", item_ids=[])):
        for proposal in propose_hotfixes(diagnosis, last_good=LastGood(GOOD, "m-0"), terms=TERMS):
            assert build_flag_document([proposal.hotfix]).hotfixes
            assert proposal.trade_off == MENU[proposal.hotfix.kind].trade_off


def test_without_good_values_the_block_is_masked() -> None:
    proposals = propose_hotfixes(diagnose(), last_good=LastGood({}), terms=TERMS)
    assert kinds_of(proposals)[0] == "mask_feature"
    assert proposals[0].hotfix.params["block"] == "language"


def test_price_feeds_no_block_and_so_is_never_masked() -> None:
    proposals = propose_hotfixes(diagnose(feature="price"), last_good=LastGood(GOOD), terms=TERMS)
    assert kinds_of(proposals) == ["override_feature", "block_items", "popularity_fallback"]


def test_a_stale_batch_is_mended_only_where_values_differ() -> None:
    served = {"i1": make_item("i1", language="fr", year=1980, price=2.0), "i2": GOOD["i2"]}
    proposals = propose_hotfixes(
        diagnose(feature="batch"), last_good=LastGood(GOOD), terms=TERMS, served=served
    )
    assert kinds_of(proposals) == ["override_feature", "block_items", "popularity_fallback"]
    assert proposals[0].hotfix.params == {"feature": "year", "values": {"i1": 1999}}


def test_a_bad_model_is_replaced_by_the_last_good_one() -> None:
    diagnosis = diagnose(
        verdict="model", component="model", feature="genre", model_id="m-bad", item_ids=[]
    )
    proposals = propose_hotfixes(diagnosis, last_good=LastGood(GOOD, "m-good"), terms=TERMS)
    assert kinds_of(proposals) == ["pin_model", "popularity_fallback"]
    assert proposals[0].hotfix.params == {"model_id": "m-good"}


def test_the_bad_model_itself_is_never_proposed() -> None:
    diagnosis = diagnose(verdict="model", component="model", model_id="m-1", item_ids=[])
    proposals = propose_hotfixes(diagnosis, last_good=LastGood(GOOD, "m-1"), terms=TERMS)
    assert kinds_of(proposals) == ["popularity_fallback"]


def test_nothing_is_proposed_where_nothing_was_named() -> None:
    diagnosis = diagnose(verdict="could_not_judge", feature="", item_ids=[])
    assert propose_hotfixes(diagnosis, last_good=LastGood(GOOD), terms=TERMS) == ()


def test_a_proposal_that_a_document_could_not_hold_is_dropped() -> None:
    many = [f"i{number}" for number in range(5_001)]
    proposals = propose_hotfixes(diagnose(item_ids=many), last_good=LastGood(GOOD), terms=TERMS)
    assert kinds_of(proposals) == ["override_feature", "popularity_fallback"]
