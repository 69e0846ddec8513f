"""How a scorer is put together: its model, what works after responses, what a restore renews."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsysops.errors import DependencyError

if TYPE_CHECKING:
    from recsysops.adapters.after_response import AfterResponse, Work
    from recsysops.adapters.appconfig_flags import AppConfigFlags
    from recsysops.adapters.firehose_log import FirehoseLog
    from recsysops.adapters.snap_start import Renewal
    from recsysops.bootstrap.process import Ports
    from recsysops.workflows.find_similar_items import SimilarPorts
    from recsysops.workflows.recommend_items import RecommendPorts
    from recsysops.workflows.scorer_state import LoadProblem

LAPTOP_FLUSH_SECONDS = 1.0
"""How often the laptop stage, which has no Extensions API, delivers the request log."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """What recommend_items works with."""

    ports: RecommendPorts
    similar: SimilarPorts
    flags: AppConfigFlags
    log: FirehoseLog
    after: AfterResponse
    renewals: tuple[Renewal, ...] = ()

    def drain_problems(self) -> list[LoadProblem]:
        """Return what could not be loaded since the last call."""
        return self.ports.state.drain_problems()


def wire_scorer(ports: Ports) -> Scorer:
    """Wire a scorer, load the newest model, and arrange what happens after responses.

    A model that cannot be loaded is told with the first request: the scorer then answers with
    an empty slate and says why.
    """
    from recsysops.adapters.snap_start import register_hooks
    from recsysops.workflows.find_similar_items import SimilarPorts
    from recsysops.workflows.recommend_items import RecommendPorts
    from recsysops.workflows.scorer_state import ScorerState

    flags, log = ports.flags, ports.request_log
    state = ScorerState(
        cache=ports.catalogues,
        flags=flags,
        monotonic=time.monotonic,
        poll_seconds=ports.settings.poll_seconds,
    )
    with _collecting_later():
        flags.read_together()
        state.poll()
    recommend = RecommendPorts(
        state=state,
        members=ports.impatient_members,
        flags=flags,
        log=log,
        perf_counter=time.perf_counter,
    )

    def work() -> None:
        log.flush()
        flags.refresh_early()

    similar = SimilarPorts(state, flags, log, time.perf_counter)
    after = _arrange(work, log, stage=ports.settings.stage)
    # a restored sandbox: nobody is at the other end, and everything read may be days old
    renewals = (ports.close_connections, flags.expire, flags.refresh_early, state.expire)
    register_hooks(prepare=ports.make_clients, renewals=renewals)
    return Scorer(recommend, similar, flags, log, after, renewals)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Load without collecting garbage, and leave what was loaded out of every later collection.

    A catalogue is a million objects that live as long as the sandbox: walking them is the longest
    pause a request could meet.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def _arrange(work: Work, log: FirehoseLog, *, stage: str) -> AfterResponse:
    """Choose who works after responses: Lambda's Extensions API, a thread, or the request."""
    from recsysops.adapters.after_response import BackgroundWork, InlineWork

    if stage == "laptop":
        return BackgroundWork(
            work, period_seconds=LAPTOP_FLUSH_SECONDS, is_due=lambda: log.is_due
        ).start()
    from recsysops.adapters.log_extension import LogExtension

    try:
        return LogExtension(os.environ.get("AWS_LAMBDA_RUNTIME_API", ""), work).start()
    except DependencyError:
        # slower for members, but no line is lost
        return InlineWork(work)
