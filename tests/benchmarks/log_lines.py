"""What the request log costs, and where: nothing of it before the response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from recsysops.request_log.sampling import RaisedBudget, decide_sampling
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import RecommendationRequest
from recsysops.serving.served_request import ServedRequest, sample_request, write_full, write_slim
from recsysops.vocabulary import SamplingPlan
from recsysops.workflows.recommend_items import recommend_items

from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Timings, time_short
from tests.fakes.served_world import NOW, make_world

CANDIDATES = 500


class _Keeper:
    """LogSink that hands over the deferred work instead of doing it."""

    def defer(self, work: Callable[[], None]) -> None:
        assert isinstance(work, partial)
        self.served, self.plan = work.args[:2]

    def write(self, *_: object) -> None:
        raise AssertionError("a log line was written before the response")

    def flush(self) -> None: ...


def measure_log(*, loops: int) -> list[Row]:
    """Time the decision, the slim line and the full record of one 500-candidate request."""
    served, plan = _serve_one()
    assert served.ranked is not None
    budget = RaisedBudget()
    sampling = sample_request(served, plan, budget=budget)
    ranked = served.ranked
    times = time_short({
        "draw": (
            lambda: decide_sampling(
                served.request_id, plan=plan, stratum=sampling.stratum, raised=False
            ),
            loops,
        ),
        "decision": (lambda: sample_request(served, plan, budget=budget), loops),
        "slim": (lambda: encode_record(write_slim(served, sampling, latency_ms=1.0)), loops),
        "full": (lambda: encode_record(write_full(served, ranked, sampling)), max(1, loops // 10)),
    })  # fmt: skip
    alone = f"; the draw alone {1e6 * times['draw'].best:.1f} µs"
    return [
        _row("sampling decision", times["decision"], limit=5.0, note=alone),
        _row("slim line, built and encoded", times["slim"], limit=20.0),
        _row(f"full record of {CANDIDATES} candidates, built and encoded", times["full"],
             limit=200.0),
        Row("log work before the response", 0.0, "µs", limit=0.0,
            note="deferred: the sink that takes it refuses any line sooner"),
    ]  # fmt: skip


def _serve_one() -> tuple[ServedRequest, SamplingPlan]:
    world, keeper = make_world(2_000), _Keeper()
    ids = tuple(item.item_id for item in world.items[:CANDIDATES])
    request = RecommendationRequest(member_id="m1", candidates=ids)
    ports = replace(world.ports, log=keeper)
    recommend_items(request, request_id="r-1", ports=ports, now=NOW)
    return keeper.served, keeper.plan


def _row(name: str, timings: Timings, *, limit: float, note: str = "") -> Row:
    wall = 1e6 * timings.wall
    rounds = f"best of {len(wall)} rounds, their median {1e6 * timings.median:.3g} µs"
    return Row(name, 1e6 * timings.best, "µs", limit=limit, low=float(wall.min()),
               high=float(wall.max()), note=rounds + note)  # fmt: skip
