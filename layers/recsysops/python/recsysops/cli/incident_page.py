"""One incident as its operator sees it: on the terminal, and as a page with plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from recsysops.cli.output import people, print_table
from recsysops.cli.pages.page import fill_page
from recsysops.ports import IncidentBook
from recsysops.vocabulary import Finding, Incident

if TYPE_CHECKING:
    from recsysops.cli.pages.plots import Plot
    from recsysops.detection.similar import SimilarIncident

MOST_PLOTS = 6


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """An incident with what is not stored in it: whom to call, what to do first, the past."""

    incident: Incident
    owner: str
    runbook: str
    similar: Sequence[SimilarIncident]


def read_page(incident_id: str, book: IncidentBook) -> IncidentPage:
    """Read an incident and what it resembles. Raises: NotFound, DependencyError, BadData."""
    from recsysops.detection.catalogue import find_known
    from recsysops.detection.similar import find_similar

    incident = book.get(incident_id)
    audit = find_known(incident.findings[0].audit) if incident.findings else None
    return IncidentPage(
        incident=incident,
        owner=audit.owner if audit else "operations",
        runbook=audit.runbook if audit else "Read the failed execution's log.",
        similar=find_similar(incident, book.list_incidents()),
    )


def show_page(page: IncidentPage) -> None:
    """Print the page for people."""
    incident = page.incident
    people.print(incident.title, style="bold")
    people.print(
        f"{incident.incident_id} · {incident.status} · {incident.severity} · "
        f"{incident.component}/{incident.subject} · owner {page.owner}"
    )
    people.print(f"window {incident.window.start:%F %R} to {incident.window.end:%F %R} UTC")
    people.print(f"first: {page.runbook}")
    people.print(f"affected: {say_affected(incident)}")
    if incident.diagnosis:
        verdict, summary = (incident.diagnosis.get(name) for name in ("verdict", "summary"))
        people.print(f"diagnosis: {verdict}, {summary}")
    print_table("slices by contribution", [_slice_row(c) for c in incident.contributions])
    print_table("findings", [_finding_row(finding) for finding in incident.findings])
    print_table("story", [_story_row(line) for line in incident.timeline])
    print_table("long-term fixes", list(incident.links))
    print_table("similar incidents", [_similar_row(one) for one in page.similar])


def render_page(page: IncidentPage) -> str:
    """Return one HTML page without any outside resource; every value is escaped."""
    return fill_page(
        "incident",
        page=page,
        incident=page.incident,
        affected=say_affected(page.incident),
        contributions=[_slice_row(one) for one in page.incident.contributions],
        findings=[_finding_row(finding) for finding in page.incident.findings],
        story=[_story_row(line) for line in page.incident.timeline],
        similar=[_similar_row(one) for one in page.similar],
        queries=list(_queries(page.incident)),
        plots=draw_plots(page.incident),
    )


def say_affected(incident: Incident) -> str:
    """Return in words how many of what are affected, as far as is known."""
    told = dict(incident.affected)
    if not told:
        return "not known"
    parts = []
    if "estimate" in told:
        parts.append(f"about {told['estimate']:,} of {told['of']:,} {told['unit']}")
    parts += [f"{told[name]:,} {name}" for name in ("members", "requests") if name in told]
    return "; ".join(parts)


def draw_plots(incident: Incident) -> list[Plot]:
    """Draw what the first findings carry: shares of their cells, before and now.

    Findings that speak of the same shares stand below one picture.
    """
    carried: dict[str, tuple[Mapping[str, Any], list[Finding]]] = {}
    for finding in incident.findings:
        if isinstance(plot := finding.evidence.get("plot"), Mapping):
            carried.setdefault(f"{finding.audit} {plot}", (plot, []))[1].append(finding)
    return [_draw_plot(plot, findings) for plot, findings in list(carried.values())[:MOST_PLOTS]]


def _draw_plot(plot: Mapping[str, Any], findings: Sequence[Finding]) -> Plot:
    from recsysops.cli.pages.plots import draw_grouped_bars
    from recsysops.detection.cells import slice_of

    cells = [str(cell) for cell in plot["cells"]]
    series = {
        name: dict(zip(cells, plot[period], strict=True))
        for name, period in (("reference", "reference"), ("this window", "window"))
    }
    title = f"{findings[0].audit}: {plot['of']} in {_say_slice(slice_of(plot['slice']))}"
    caption = "; ".join(map(_say_change, findings))
    return draw_grouped_bars(title, series, caption=caption, unit="share")


def _say_change(finding: Finding) -> str:
    where = _say_slice(finding.slice)
    return f"{finding.metric} of {where}: {finding.baseline:.4g} before, {finding.observed:.4g} now"


def _slice_row(part: Mapping[str, object]) -> dict[str, object]:
    slice_ = part["slice"]
    named = _say_slice(slice_) if isinstance(slice_, Mapping) else str(slice_)
    return {
        "slice": named,
        "part of the change": part["share"],
        "before": part["baseline"],
        "now": part["observed"],
    }


def _finding_row(finding: Finding) -> dict[str, object]:
    return {
        "audit": finding.audit,
        "metric": finding.metric,
        "subject": finding.subject,
        "slice": _say_slice(finding.slice),
        "before": finding.baseline,
        "now": finding.observed,
        "effect": finding.effect,
        "floor": finding.effect_floor,
        "p": finding.p_value,
    }


def _similar_row(one: SimilarIncident) -> dict[str, object]:
    return {"id": one.incident_id, "like": one.likeness, "title": one.title, "ended": one.ended}


def _story_row(line: Mapping[str, str]) -> dict[str, object]:
    return {
        "at (UTC)": _say_moment(line.get("at", "")),
        "event": line.get("event"),
        "by": line.get("by") or line.get("run_id"),
        "said": line.get("note") or line.get("url") or line.get("window"),
    }


def _say_moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%F %T}"
    except ValueError:
        return text


def _queries(incident: Incident) -> Iterable[tuple[str, str]]:
    for finding in incident.findings:
        if sql := finding.evidence.get("sql"):
            yield finding.audit, str(sql)


def _say_slice(slice_: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in slice_.items()) or "everything"
