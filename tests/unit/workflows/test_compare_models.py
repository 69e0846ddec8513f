"""What the lake says of a model in shadow and as canary, against sums made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from recsysops.request_log.records import FeedbackEvent, ShadowRequest
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import Window, hash_group
from recsysops.workflows.compare_models import Watch, compare_models

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, make_world

WINDOW = Window(NOW.replace(hour=0), NOW.replace(hour=23))


def shadow_row(number: int, served: str, shadow: str, **changes: object) -> dict[str, object]:
    member = f"p{number}"
    record = ShadowRequest(
        request_id=f"r-{number}", event_time=NOW, surface="home", member=member,
        member_group=hash_group(member), model_id="m-1", shadow_model_id="m-2", delta_id="d-1",
        limit=10, served=[served], shadow=[shadow], agreement_at_10=float(served == shadow),
        rank_correlation=0.5, inclusion_probability=1.0, traffic="re-timed",
    )  # fmt: skip
    return to_row(record.model_copy(update=changes))


def play(number: int, item_id: str, **changes: object) -> dict[str, object]:
    record = FeedbackEvent(
        event_id=f"e-{number}", request_id=f"r-{number}", event_time=NOW, member=f"p{number}",
        member_group=hash_group(f"p{number}"), item_id=item_id, kind="play", value=1.0,
        traffic="re-timed",
    )  # fmt: skip
    return to_row(record.model_copy(update=changes))


def lake(folder: Path, **rows: list[dict[str, object]]) -> LakeQueries:
    return LakeQueries(folder, rows, dt=NOW.date().isoformat())


def test_agreement_correlation_and_plays_are_means_over_requests(tmp_path: Path) -> None:
    rows = [shadow_row(n, "a", "a" if n < 30 else "b") for n in range(40)]
    plays = [play(n, "a" if n < 10 else "b") for n in range(40)]
    twice = [*rows, rows[0]]
    queries = lake(tmp_path, shadow_requests=twice, feedback=[*plays, plays[3]])
    found = compare_models("m-2", WINDOW, roll_out_id=None, queries=queries)
    assert found.shadow_requests == 40, "a line that came twice is one request"
    assert found.agreement_at_10 is not None
    assert found.rank_correlation is not None
    assert found.expected_plays is not None
    assert found.agreement_at_10.value == pytest.approx(0.75)
    assert found.rank_correlation.value == pytest.approx(0.5)
    # r-30 … r-39 chose b, which only the shadow names
    assert found.expected_plays.value == pytest.approx(1_000 * 10 / 40)
    assert found.expected_plays.low < 250 < found.expected_plays.high
    assert [text.split(":")[0] for text in found.refusals] == ["canary_plays"]


def test_choices_that_the_slate_could_change_are_no_evidence_for_a_shadow(tmp_path: Path) -> None:
    rows = [shadow_row(n, "a", "b", traffic="live") for n in range(40)]
    plays = [play(n, "a", traffic="live") for n in range(40)]
    queries = lake(tmp_path, shadow_requests=rows, feedback=plays)
    found = compare_models("m-2", WINDOW, roll_out_id=None, queries=queries)
    assert found.expected_plays is None
    assert any("asks for a canary" in text for text in found.refusals)


def test_nothing_logged_refuses_everything(tmp_path: Path) -> None:
    found = compare_models("m-2", WINDOW, roll_out_id="r-1", queries=lake(tmp_path))
    assert found.shadow_requests == found.canary_requests == 0
    assert len(found.refusals) == 4


def test_canary_and_control_are_compared_as_observed(tmp_path: Path) -> None:
    world = make_world(20)
    world.recommend()
    (line,) = world.slim()
    slim, plays = [], []
    for n in range(200):
        arm = "canary" if n % 2 else "control"
        shown = ["hit"] if (n // 2) % (2 if arm == "canary" else 4) == 0 else ["miss"]
        changes = {"request_id": f"r-{n}", "member": f"p{n}", "member_group": hash_group(f"p{n}"),
                   "roll_out_id": "roll-1", "roll_out_arm": arm, "shown": shown}  # fmt: skip
        slim.append(to_row(line.model_copy(update=changes)))
        plays.append(play(n, "hit", traffic="live"))
    queries = lake(tmp_path, slim_requests=slim, feedback=plays)
    found = compare_models("m-2", WINDOW, roll_out_id="roll-1", queries=queries)
    assert (found.canary_requests, found.control_requests) == (100, 100)
    assert found.canary_plays is not None
    assert found.canary_plays.value == pytest.approx(250.0)
    assert found.canary_plays.low < 250.0 < found.canary_plays.high
    watch = found.canary_watch
    assert watch is not None
    assert watch.value == pytest.approx(250.0)
    # whoever may look again and again knows less at each look
    assert watch.low < found.canary_plays.low
    assert watch.high > found.canary_plays.high
    assert (watch.verdict == "undecided") == (watch.low <= 0.0)
    other = compare_models("m-2", WINDOW, roll_out_id="roll-2", queries=queries)
    assert other.canary_requests == 0


def test_a_watch_says_worse_or_better_only_when_zero_is_outside() -> None:
    assert Watch(-5.0, -9.0, -1.0, 0.01).verdict == "worse"
    assert Watch(5.0, 1.0, 9.0, 0.01).verdict == "better"
    assert Watch(5.0, -1.0, 9.0, 0.2).verdict == "undecided"
