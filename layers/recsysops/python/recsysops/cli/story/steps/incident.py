"""The steps of an incident: broken, found, explained, repeated, previewed, mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from recsysops.cli.story.days import inject_fault, write_nightly_batches
from recsysops.cli.story.evidence import Document, Outcome, items_named, name_briefly, part_of
from recsysops.cli.story.grading import first_incident, is_named_exactly
from recsysops.cli.story.scene import Scene
from recsysops.workflows.replay_requests import read_full_records
from recsysops.workflows.verify_recovery import verify_recovery


def detect(scene: Scene) -> Outcome:
    """The fault happens overnight; the audit of the day must find it (`none`: must not)."""
    _break_overnight(scene)
    scene.send_stretch("broken")
    incidents = scene.audit("broken")
    scene.mark("detected")
    evidence = {"incidents": name_briefly(incidents), "query": scene.count_sql("broken")}
    if scene.fault == "none":
        said = incidents[0].title if incidents else "nothing was found"
        return Outcome(not incidents, f"nothing was broken; {said}", evidence)
    if not incidents:
        return Outcome(False, "no incident was opened", evidence)
    first = first_incident(incidents)
    scene.incident_id = first.incident_id
    return Outcome(True, f"{first.incident_id}: {first.title}", evidence)


def diagnose(scene: Scene) -> Outcome:
    """A fresh process names the cause; it must be the one that was injected."""
    found = scene.ask_cli("diagnose", scene.incident_id)
    scene.mark("diagnosed")
    items = items_named(found)
    return Outcome(
        scene.truth is not None and is_named_exactly(scene.truth, found),
        f"{found['verdict']}: {found['summary']}",
        {
            "named": {
                "component": found["component"],
                "what": found["feature"] or found["model_id"],
                "items": len(items),
            },
            "examples": items[:10],
            "two_by_two": found["two_by_two"],
            "slices": found["slices"],
            "queries": part_of(found, "evidence")["queries"],
        },
    )


def replay(scene: Scene) -> Outcome:
    """A fresh process repeats every full record of the broken day bit for bit."""
    window = scene.window("broken")
    found = scene.ask_cli(
        "replay", "--from", window.start.isoformat(), "--to", window.end.isoformat()
    )
    return Outcome(
        bool(found["holds"]) and found["bit_equal"] == found["records"],
        f"{found['bit_equal']} of {found['records']} full records repeated bit for bit",
        found,
    )


def preview(scene: Scene) -> Outcome:
    """The first proposal's trade-off on logged requests: an interval, or an honest refusal."""
    found = scene.ask_cli("hotfix", "preview", scene.incident_id)
    order = found["order"]
    touched = order["requests_touched"] if isinstance(order, Mapping) else 0.0
    is_judged = isinstance(found["expected"], Mapping) or bool(found["refusal"])
    return Outcome(
        bool(found["replayed"]) and is_judged,
        f"{part_of(found, 'hotfix')['hotfix_id']}: {touched:.0%} of requests touched; "
        f"{_expectation_of(found)}",
        {key: found[key] for key in ("order", "expected", "refusal", "trade_off", "undo")},
    )


def deploy(scene: Scene) -> Outcome:
    """Deploy it; AppConfig must say it is complete and scorers must log it."""
    done = scene.ask_cli("hotfix", "deploy", scene.incident_id)
    state = scene.patience.ask(
        lambda: dict(scene.stage.ports.hotfixes.status()),
        until=lambda seen: seen["state"] == "COMPLETE",
    )
    scene.mark("deployed")
    incident = scene.stage.ports.incidents.get(scene.incident_id)
    return Outcome(
        state["state"] == "COMPLETE" and incident.status == "mitigated",
        f"deployment {done['deployment_id']} is {state['state'].lower()}; "
        f"incident is {incident.status}",
        {"deployed": done, "appconfig": state, "timeline": list(incident.timeline)},
    )


def recover(scene: Scene) -> Outcome:
    """The next day: upstream is still wrong, and members get what they would have got."""
    scene.send_day("recovered", untouched=scene.truth.item_ids if scene.truth else ())
    opened = scene.audit("recovered")
    scene.mark("recovered")
    incident = scene.stage.ports.incidents.get(scene.incident_id)
    diagnosis = incident.diagnosis or {}
    evidence = part_of(diagnosis, "evidence")
    recovery = verify_recovery(
        read_full_records(scene.stage.ports.queries, window=scene.window("recovered")),
        cache=scene.catalogues,
        item_ids=items_named(diagnosis),
        good_delta_id=str(part_of(evidence, "deltas")["before"]),
        good_model_id=str(part_of(evidence, "models")["before"]),
    )
    return Outcome(
        not opened and recovery.is_recovered and recovery.protected == recovery.records,
        f"{recovery.as_before} of {recovery.records} logged rankings are what they would be "
        f"without the fault, {recovery.protected} under the hotfix; new incidents: "
        f"{len(opened)}; {scene.incident_id} stays {incident.status} until upstream is mended",
        {"recovery": asdict(recovery), "incidents": name_briefly(opened)},
    )


def _break_overnight(scene: Scene) -> None:
    """Deliver the night's batches with the mistake in them, and let scorers serve the result."""
    at = scene.window("broken").start
    tonight = write_nightly_batches(scene.stage, scene.world, "broken", seed=scene.seed)
    scene.mark("broken")
    scene.truth = inject_fault(
        scene.stage,
        scene.fault,
        items=tonight,
        models=scene.trained(),
        seed=scene.seed,
        at=at,
    )
    scene.stage.publish(at)
    if scene.truth.model_id:
        scene.stage.wait_until_served(model_id=scene.truth.model_id)


def _expectation_of(preview: Document) -> str:
    expected = preview["expected"]
    if not isinstance(expected, Mapping):
        return f"refused, {preview['refusal']}"
    gain = part_of(expected, "difference")
    return (
        f"plays per 1,000 requests {gain['value']:+.1f} "
        f"(90 % {gain['low']:+.1f} to {gain['high']:+.1f})"
    )
