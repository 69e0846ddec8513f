"""A bad canary in a lake, from its SQL on: found without anybody looking, and nothing else is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from recsysops.detection.audits.release_watch import AUDIT
from recsysops.detection.checks import Judgement
from recsysops.detection.context import Asked, make_context
from recsysops.detection.judge import judge_rows
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import HASH_GROUPS, Window, hash_group

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, make_world
from tests.unit.detection.test_release_watch import look, rows_of

HOUR = timedelta(hours=1)
WINDOW = Window(NOW - HOUR / 2, NOW + HOUR / 2)
CONTEXT = make_context(
    window=WINDOW, reference=Window(WINDOW.start - 8 * HOUR, WINDOW.start - 7 * HOUR)
)


def judged(folder: Path, *, canary: float, control: float, asked: Asked = "both") -> Judgement:
    """What is said of 2,400 requests of 400 members, of which these shares play what they see."""
    world = make_world(20)
    world.recommend()
    (line,) = world.slim()
    rng = np.random.default_rng(2)
    slim, plays = [], []
    for number in range(2_400):
        arm = "canary" if number % 2 else "control"
        member, at = f"p{number % 400}", NOW - (number % 7) * HOUR / 2
        changes = {
            "request_id": f"r-{number}", "member": member, "member_group": hash_group(member),
            "roll_out_id": "roll-1", "roll_out_arm": arm, "shown": ["hit"], "event_time": at,
            "model_id": "m-2" if arm == "canary" else "m-1", "status": "ok", "member_known": True,
        }  # fmt: skip
        slim.append(to_row(line.model_copy(update=changes)))
        item = "hit" if rng.random() < {"canary": canary, "control": control}[arm] else "other"
        play = FeedbackEvent(
            event_id=f"e-{number}", request_id=f"r-{number}", event_time=at, member=member,
            member_group=hash_group(member), item_id=item, kind="play", value=1.0, traffic="live",
        )  # fmt: skip
        plays.append(to_row(play))
    lake = LakeQueries(folder, {"slim_requests": slim, "feedback": plays}, dt=f"{NOW:%Y-%m-%d}")
    context = CONTEXT.model_copy(update={"asked": asked})
    return judge_rows(AUDIT, lake.run(AUDIT.render(context)), context=context)


@pytest.mark.parametrize("asked", ["both", "window"])
def test_a_canary_that_earns_half_the_plays_is_named_by_its_model(
    tmp_path: Path, asked: Asked
) -> None:
    judgement = judged(tmp_path, canary=0.2, control=0.4, asked=asked)
    [found] = judgement.findings
    assert (judgement.tested_wholes, found.metric, found.subject) == (2, "canary_plays", "m-2")
    assert found.p_value < 1e-4
    assert found.evidence["canary_requests"] == 1_200.0, "between the periods counts too"


def test_a_canary_as_good_as_its_control_is_judged_and_silent(tmp_path: Path) -> None:
    judgement = judged(tmp_path, canary=0.4, control=0.4)
    assert (judgement.status, judgement.tested_wholes, judgement.findings) == ("judged", 2, ())


def test_fifty_looks_at_nothing_stay_within_the_level() -> None:
    alpha, alarmed, worlds = 0.05, 0, 120
    rng = np.random.default_rng(3)
    for _ in range(worlds):
        steps = rng.binomial(40, 0.3, size=(50, 2, HASH_GROUPS)).cumsum(axis=0).astype(float)
        p_values = [
            look(
                rows_of("control", played[0], 40.0 * looks - played[0]),
                rows_of("canary", played[1], 40.0 * looks - played[1], model="m-2"),
            )["canary_plays"].p_value
            for looks, played in enumerate(steps[::5], start=1)
            for looks in [5 * looks - 4]
        ]
        alarmed += min(p_values) <= alpha
    assert alarmed / worlds <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / worlds)
