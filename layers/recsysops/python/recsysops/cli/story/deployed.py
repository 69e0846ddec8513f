"""The stage that is deployed: everything goes through its API, functions and state machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from recsysops.adapters.http_api import HttpApi
from recsysops.adapters.lambda_calls import LambdaCalls
from recsysops.adapters.stepfunctions_runs import StateMachineRuns
from recsysops.cli.story.stage import StagePorts
from recsysops.cli.story.traffic import Progress, feedback_body, request_body, send_stretch
from recsysops.cli.story.waiting import Patience
from recsysops.detection.context import name_windows
from recsysops.errors import DependencyError
from recsysops.request_log.sql import render_sql
from recsysops.serving.roll_out import dump_model_pointer
from recsysops.settings import Settings
from recsysops.simulation.retimed import Stretch, TrafficRequest
from recsysops.vocabulary import Incident, ModelPointer, Window

THREADS = 3
"""Two cores serve; more callers only start more workers."""

_COUNT_LOGGED = """
SELECT count(DISTINCT request_id) AS requests
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
"""


@dataclass(slots=True)
class DeployedStage:
    """A deployed stack as operators and clients reach it."""

    settings: Settings
    ports: StagePorts
    api: HttpApi
    calls: LambdaCalls
    runs: StateMachineRuns
    patience: Patience = field(default_factory=Patience)
    _ranked: set[Window] = field(default_factory=set)

    def point_at(self, pointer: ModelPointer) -> str:
        """Deploy the model pointer at once; returns the deployment id."""
        document = dump_model_pointer(pointer)
        return self.ports.model.deploy(document, strategy="at-once", note="model pointer")

    def publish(self, as_of: datetime) -> str:
        """Invoke publish_delta and wait until every scorer answers with its snapshot."""
        answer = self.calls.call(self.settings.publish_delta_function, {"as_of": as_of.isoformat()})
        delta_id = str(answer["delta_id"])
        self.wait_until_served(delta_id=delta_id)
        return delta_id

    def wait_until_served(self, *, delta_id: str = "", model_id: str = "") -> None:
        """Return once all probes answer with the snapshot and model asked for ('' = any).

        Raises: DependencyError when that takes longer than our patience.
        """

        def is_served(answers: Sequence[Mapping[str, object]]) -> bool:
            return all(
                delta_id in ("", answer["delta_id"]) and model_id in ("", answer["model_id"])
                for answer in answers
            )

        answers = self.patience.ask(self._probe, until=is_served)
        if not is_served(answers):
            raise DependencyError(f"scorers do not serve {delta_id or model_id}: {answers[:1]}")

    def send(self, stretch: Stretch, progress: Progress) -> int:
        """Send a stretch through the HTTP API, and wait until the lake has every request."""
        sent = send_stretch(
            stretch,
            request=self._recommend,
            feedback=self._record,
            threads=THREADS,
            progress=progress,
        )
        self._wait_until_logged(stretch.window, sent)
        return sent

    def audit(self, window: Window, reference: Window) -> Sequence[Incident]:
        """Run the state machine `audit` and return the incidents that are open now."""
        if reference not in self._ranked:
            self.calls.call(self.settings.rank_choices_function, window_payload(reference))
        self.runs.run(
            self.settings.audit_state_machine_arn,
            name_windows(window, reference=reference),
        )
        self._ranked |= {window, reference}
        return self.ports.incidents.list_incidents("open")

    def forecast_launches(self, as_of: datetime) -> Mapping[str, object]:
        """Run the state machine `predict_launches` as of a moment and return its answer."""
        return self.runs.run(
            self.settings.predict_launches_state_machine_arn, {"as_of": as_of.isoformat()}
        )

    def _recommend(self, request: TrafficRequest) -> str:
        return str(
            self.api.call("POST", "/v1/recommendations", request_body(request))["request_id"]
        )

    def _record(self, sent: Sequence[tuple[TrafficRequest, str]]) -> None:
        answer = self.api.call("POST", "/v1/feedback", feedback_body(sent))
        events = answer["events"]
        rejected = (
            [e for e in events if e["status"] != "accepted"] if isinstance(events, list) else []
        )
        if rejected:
            raise DependencyError(f"feedback was rejected: {rejected[0]}")

    def _probe(self) -> list[dict[str, object]]:
        # several at once, so that every warm worker is asked; live traffic, outside all windows
        body = {"member_id": "probe", "limit": 1}
        with ThreadPoolExecutor(max_workers=2 * THREADS) as pool:
            probes = [
                pool.submit(self.api.call, "POST", "/v1/recommendations", body)
                for _ in range(4 * THREADS)
            ]
            return [probe.result() for probe in probes]

    def _wait_until_logged(self, window: Window, expected: int) -> None:
        sql = render_sql(
            _COUNT_LOGGED, first_day=window.start.date(), start=window.start, end=window.end
        )
        logged = self.patience.ask(
            lambda: int(str(self.ports.queries.run(sql)[0]["requests"])),
            until=lambda count: count >= expected,
        )
        if logged < expected:
            raise DependencyError(
                f"the lake has {logged} of {expected} requests after "
                f"{self.patience.limit_seconds:.0f} s"
            )


def window_payload(window: Window) -> dict[str, object]:
    """Return a window as rank_choices takes it."""
    return {"window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
