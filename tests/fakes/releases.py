"""A bad canary in a lake: it answers by fallbacks, and its members play less than the control's."""

from __future__ import annotations

from datetime import timedelta

from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import Window, hash_group

from tests.fakes.served_world import make_world

REQUESTS = 800


def write_bad_canary(lake: DuckDbLake, *, reference: Window, window: Window) -> None:
    """Write 200 requests per arm and day; half of the canary's are fallbacks. No play on
    the second day.
    """
    world = make_world(20)
    world.recommend()
    (line,) = world.slim()
    slim, plays = [], []
    for number in range(REQUESTS):
        arm = "canary" if number % 2 else "control"
        day = reference if number < REQUESTS // 2 else window
        member, at = f"p{number}", day.start + timedelta(seconds=200 * (number % (REQUESTS // 2)))
        fallen = arm == "canary" and number % 4 == 1
        changes = {
            "request_id": f"c-{number}", "member": member, "member_group": hash_group(member),
            "roll_out_id": "roll-1", "roll_out_arm": arm, "shown": ["hit"], "event_time": at,
            "model_id": "m-2" if arm == "canary" else "m-1", "delta_id": "",
            "status": "fallback" if fallen else "ok", "member_known": True,
            # the line's own was measured: on a busy machine it is longer than a fault's
            "latency_ms": 2.0 + number % 7,
        }  # fmt: skip
        slim.append(to_row(line.model_copy(update=changes)))
        if day == reference and (number % 4 == 0 or number % 8 == 3):
            play = FeedbackEvent(
                event_id=f"c-{number}", request_id=f"c-{number}", event_time=at, member=member,
                member_group=hash_group(member), item_id="hit", kind="play", value=1.0,
                traffic="live",
            )  # fmt: skip
            plays.append(to_row(play))
    lake.write_rows(
        "slim_requests", rows=slim[: REQUESTS // 2], ingest_time=reference.start, name="c"
    )
    lake.write_rows("slim_requests", rows=slim[REQUESTS // 2 :], ingest_time=window.start, name="c")
    lake.write_rows("feedback", rows=plays, ingest_time=reference.start, name="c")
