"""Each judge on sums made by hand: what it must see, and what it must let pass."""

from collections.abc import Mapping, Sequence

import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import alarms, context, rows

Rows = Sequence[Mapping[str, object]]


def test_a_tenth_of_a_column_zeroed_is_named_with_its_feature() -> None:
    answer = [
        *rows({"zero": (0, 900), "other": (9_000, 8_100)}, subject="year"),
        *rows({"null": (45, 45), "other": (8_955, 8_955)}, subject="price"),
    ]
    [found] = alarms("null_default_share", answer)
    assert (found.metric, found.subject, found.slice) == ("zero_share", "year", {})
    assert (found.baseline, found.observed) == pytest.approx((0.0, 0.1))


def test_zeros_of_one_supplier_are_named_with_the_supplier() -> None:
    answer = [
        *rows({"zero": (0, 150), "other": (9_000, 8_850)}, subject="price"),
        *rows({"zero": (0, 150), "other": (1_000, 850)}, subject="price", slice_name="source=s-3"),
        *rows({"other": (8_000, 8_000)}, subject="price", slice_name="source=s-1"),
    ]
    [found] = alarms("null_default_share", answer)
    assert found.slice == {"source": "s-3"}
    assert found.nested


def test_fewer_missing_values_than_before_are_no_fault() -> None:
    assert not alarms(
        "null_default_share", rows({"null": (900, 0), "other": (8_100, 9_000)}, subject="year")
    )


def test_a_rare_language_that_vanished_is_named_although_the_catalogue_looks_the_same() -> None:
    answer = rows({"en": (8_910, 9_000), "hi": (90, 0)}, subject="language")
    [found] = alarms("feature_drift", answer)
    assert (found.metric, found.slice) == ("category_vanished", {"language": "hi"})


def test_a_language_that_nobody_ever_sent_is_named() -> None:
    answer = rows({"en": (9_000, 8_910), "xx": (0, 90)}, subject="language")
    found = alarms("feature_drift", answer)
    assert [(c.metric, c.slice) for c in found] == [("category_unseen", {"language": "xx"})]


def test_a_category_of_a_few_items_may_come_and_go() -> None:
    assert not alarms(
        "feature_drift", rows({"en": (9_000, 9_000), "eo": (8, 0)}, subject="language")
    )


def test_numbers_that_moved_into_one_bin_are_drift_and_small_moves_are_not() -> None:
    even = {str(bin_): (450.0, 450.0) for bin_ in range(20)}
    moved = {**dict.fromkeys(even, (450.0, 405.0)), "0": (450.0, 405.0 + 900.0)}
    [found] = alarms("feature_drift", rows(moved, subject="price"))
    assert found.metric == "distribution_ks"
    assert found.effect == pytest.approx(0.095)
    wiggled = {b: (450.0, 450.0 + (-1) ** int(b) * 5) for b in even}
    assert not alarms("feature_drift", rows(wiggled, subject="price"))


def test_a_redelivered_batch_is_named_with_its_supplier() -> None:
    answer = [
        *rows({"kept:2026-03-01": (9_000, 0), "kept:2026-03-02": (0, 8_000),
               "older:2026-01-31": (0, 1_000)}, subject="batch"),
        *rows({"kept:2026-03-01": (1_000, 0), "older:2026-01-31": (0, 1_000)},
              subject="batch", slice_name="source=supplier-3"),
    ]  # fmt: skip
    found = alarms("stale_batch", answer)
    assert {"older_batch_share", "lagging_batch_share"} == {c.metric for c in found}
    assert next(c.slice for c in found if c.nested) == {"source": "supplier-3"}
    assert found[0].evidence["batches"][0] == {"batch": "kept:2026-03-02", "share": 0.8889}


def test_a_supplier_who_stopped_delivering_lags() -> None:
    reference_day = context().reference_end.date().isoformat()
    late = rows(
        {f"kept:{reference_day}": (1_000, 0), "kept:2026-02-20": (0, 1_000)}, subject="batch"
    )
    assert [c.metric for c in alarms("stale_batch", late)] == ["lagging_batch_share"]


def test_batches_of_last_night_and_slow_suppliers_are_fresh_enough() -> None:
    nightly = rows({"kept:2026-03-01": (1_000, 0), "kept:2026-03-02": (0, 1_000)}, subject="batch")
    monthly = rows({"kept:2026-02-10": (1_000, 1_000)}, subject="batch", slice_name="source=s-2")
    assert not alarms("stale_batch", [*nightly, *monthly])


def test_a_batch_that_is_no_date_is_named() -> None:
    answer = rows({"kept:2026-03-02": (1_000, 900), "kept:soon": (0, 100)}, subject="batch")
    assert [c.metric for c in alarms("stale_batch", answer)] == ["malformed_batch_share"]


def test_a_model_that_the_registry_did_not_approve_is_named() -> None:
    served = rows({"m-good": (1_000, 0), "m-old": (0, 1_000)}, subject="served")
    ending = rows({"m-old": (0, 200)}, subject="served", slice_name="part=last")
    [found] = alarms("served_model", [*served, *ending])
    assert (found.subject, found.observed) == ("m-old", 1.0)
    assert found.evidence["approved"] == ["m-good"]


def test_handing_over_to_a_newly_approved_model_is_no_fault() -> None:
    served = rows({"m-old": (1_000, 500), "m-good": (0, 500)}, subject="served")
    ending = rows({"m-good": (0, 200)}, subject="served", slice_name="part=last")
    assert not alarms("served_model", [*served, *ending])


def test_a_model_that_a_hotfix_pinned_is_no_surprise() -> None:
    assert not alarms("served_model", rows({"m-old": (0, 1_000)}, subject="hotfixed"))


def test_without_an_approved_model_nobody_can_say_which_is_wrong() -> None:
    with pytest.raises(CouldNotJudge, match="no production model"):
        alarms("served_model", rows({"m": (1, 1)}, subject="served"), context(approved_models=()))


def test_more_fallbacks_are_named_by_their_reason() -> None:
    answer = rows(
        {"none": (990, 880), "vector_mismatch": (0, 110), "unknown_member": (10, 10)},
        subject="fallback",
    )
    [found] = alarms("fallback_share", answer)
    assert (found.subject, found.observed) == ("vector_mismatch", pytest.approx(0.11))


def test_one_refused_flag_document_is_enough() -> None:
    answer = rows({"accepted": (1_000, 999), "abc123": (0, 1)}, subject="flag_document")
    [found] = alarms("flags", answer)
    assert (found.p_value, found.slice) == (0.0, {"document": "abc123"})


BLOCK = {"zero": (100.0, 100.0), **{str(bin_): (145.0, 145.0) for bin_ in range(20)}}
MEANS = {str(bin_): (bin_ / 10, bin_ / 10) for bin_ in range(20)}


def test_a_block_that_adds_nothing_any_more_is_named() -> None:
    lost = {"zero": (100.0, 3_000.0), **{b: (n, 0.0) for b, (n, _) in BLOCK.items() if b != "zero"}}
    answer = [
        *rows(lost, subject="year", values=MEANS),
        *rows(BLOCK, subject="genre", values=MEANS),
        *rows(BLOCK, subject="score", values=MEANS),
    ]
    found = alarms("score_drift", answer)
    assert {c.subject for c in found} == {"year"}
    assert found[0].metric == "zero_contribution_share"


def test_a_model_new_in_the_window_is_compared_with_all_of_the_reference() -> None:
    shifted = {b: (m, m + 3.0) for b, (m, _) in MEANS.items()}
    only_now = {b: (0.0, n) for b, (_, n) in BLOCK.items()}
    answer = [
        *rows(BLOCK, subject="genre", values=MEANS),
        *rows(BLOCK, subject="score", values=MEANS),
        *rows(only_now, subject="genre", values=shifted, slice_name="model=m-new"),
    ]
    found = alarms("score_drift", answer)
    assert [(c.metric, c.slice) for c in found] == [("mean_shift", {"model": "m-new"})]


def test_requests_that_a_hotfix_changed_on_purpose_are_not_judged() -> None:
    assert not find_audit("score_drift").judge(
        read_distributions(
            [
                *rows({b: (n, 0.0) for b, (n, _) in BLOCK.items()}, subject="genre"),
                *rows({"yes": (0.0, 900.0)}, subject="hotfixed"),
            ]
        ),
        context(),
    )


def test_scores_without_any_full_record_cannot_be_judged() -> None:
    with pytest.raises(CouldNotJudge, match="no full record"):
        alarms("score_drift", rows(BLOCK, subject="score", values=MEANS))


def test_choices_ranked_lower_are_seen_and_those_ranked_higher_are_no_fault() -> None:
    cells = {"head": (280.0, 280.0), "tail": (20.0, 20.0)}
    worse = rows(cells, subject="candidate", values={"head": (0.1, 0.3), "tail": (0.6, 0.7)})
    [found] = alarms("choice_rank", worse)
    assert (found.metric, found.subject) == ("mean_rank_percentile", "choice_rank")
    better = rows(cells, subject="candidate", values={"head": (0.3, 0.1), "tail": (0.7, 0.6)})
    assert not alarms("choice_rank", better)


def test_choices_that_could_not_have_been_ranked_are_counted_apart() -> None:
    answer = rows(
        {"head": (300.0, 200.0), "no": (0.0, 100.0)},
        subject="candidate",
        values={"head": (0.1, 0.1)},
    )
    assert [c.metric for c in alarms("choice_rank", answer)] == ["not_candidate_share"]


@pytest.mark.parametrize(
    "audit", ["null_default_share", "feature_drift", "stale_batch", "fallback_share", "choice_rank"]
)
def test_an_empty_window_is_never_a_pass(audit: str) -> None:
    with pytest.raises(CouldNotJudge, match="the window has no"):
        alarms(audit, rows({"other": (9_000, 0)}, subject="year"))
