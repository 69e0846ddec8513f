"""What counts as named exactly, and which incident is opened first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from recsysops.cli.story.grading import first_incident, is_named_exactly
from recsysops.simulation.faults import FaultTruth

from tests.fakes.broken_world import make_incident

ITEMS = tuple(f"i{n}" for n in range(10))
INPUT = FaultTruth("language_misconfigured", "input", "item_features", "language", item_ids=ITEMS)
MODEL = FaultTruth("wrong_model_pinned", "model", "model", "model_id", model_id="m-2")


def said_of(truth: FaultTruth, **changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "verdict": truth.verdict,
        "component": truth.component,
        "feature": truth.feature,
        "model_id": truth.model_id,
        "item_ids": list(truth.item_ids),
    }
    return {**plain, **changes}


@pytest.mark.parametrize("truth", [INPUT, MODEL])
def test_naming_all_of_the_truth_is_right(truth: FaultTruth) -> None:
    assert is_named_exactly(truth, said_of(truth))


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "model"},
        {"component": "serving"},
        {"feature": "genres"},
        {"feature": ""},
        {"item_ids": []},
        {"item_ids": ITEMS[:7]},
        {"item_ids": [*ITEMS, "x", "y", "z"]},
    ],
)
def test_one_part_wrong_generic_or_too_wide_is_wrong(changes: dict[str, object]) -> None:
    assert not is_named_exactly(INPUT, said_of(INPUT, **changes))


def test_items_may_overlap_by_four_fifths() -> None:
    assert is_named_exactly(INPUT, said_of(INPUT, item_ids=ITEMS[:8]))
    assert is_named_exactly(INPUT, said_of(INPUT, item_ids=[*ITEMS, "x", "y"]))


def test_a_wrong_model_must_be_named_by_its_id_and_without_items() -> None:
    assert not is_named_exactly(MODEL, said_of(MODEL, model_id="m-1"))
    assert not is_named_exactly(MODEL, said_of(MODEL, item_ids=["i1"]))


def test_nothing_can_be_named_where_nothing_was_broken() -> None:
    truth = FaultTruth("none", "could_not_judge", "serving", "")
    assert not is_named_exactly(truth, said_of(truth))


def test_the_most_severe_incident_is_opened_first_then_the_earliest() -> None:
    low = make_incident(incident_id="inc-a", severity="low")
    late = make_incident(incident_id="inc-b", severity="critical")
    early = replace(late, incident_id="inc-c", detected_at=late.detected_at - timedelta(hours=1))
    assert first_incident([low, late, early]) is early
    assert first_incident([low, late]) is late
