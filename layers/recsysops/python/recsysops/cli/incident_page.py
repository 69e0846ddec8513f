"""One incident as its operator sees it: on the terminal, and as a page with plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsysops.cli.output import people, print_table
from recsysops.ports import IncidentBook
from recsysops.vocabulary import Finding, Incident

if TYPE_CHECKING:
    from recsysops.cli.story.report import Plot
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
    people.print(f"[bold]{incident.title}[/bold]")
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
    print_table("story", list(incident.timeline), columns=["at", "event", "by", "note", "window"])
    print_table("long-term fixes", list(incident.links))
    print_table("similar incidents", [_similar_row(one) for one in page.similar])


def render_page(page: IncidentPage) -> str:
    """Return one HTML page without any outside resource; every value is escaped."""
    from jinja2 import Environment, PackageLoader  # only pages need a template engine

    environment = Environment(
        loader=PackageLoader("recsysops.cli", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template("incident.html.jinja").render(
        page=page,
        incident=page.incident,
        affected=say_affected(page.incident),
        contributions=[_slice_row(one) for one in page.incident.contributions],
        findings=[_finding_row(finding) for finding in page.incident.findings],
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
    """Draw what the first findings carry: shares of their cells, before and now."""
    from recsysops.cli.story.plots import draw_grouped_bars

    drawn: list[Plot] = []
    for finding in incident.findings:
        plot = finding.evidence.get("plot")
        if not isinstance(plot, Mapping) or len(drawn) == MOST_PLOTS:
            continue
        cells = [str(cell) for cell in plot["cells"]]
        series = {
            name: dict(zip(cells, plot[period], strict=True))
            for name, period in (("reference", "reference"), ("this window", "window"))
        }
        title = f"{finding.audit}: {finding.subject} in {_say_slice(finding.slice)}"
        caption = f"{finding.metric}, {finding.baseline:.4g} before and {finding.observed:.4g} now"
        drawn.append(draw_grouped_bars(title, series, caption=caption, unit="share"))
    return drawn


def _slice_row(part: Mapping[str, object]) -> dict[str, object]:
    slice_ = part["slice"]
    named = _say_slice(slice_) if isinstance(slice_, Mapping) else str(slice_)
    return {"slice": named, **{k: part[k] for k in ("share", "baseline", "observed")}}


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


def _queries(incident: Incident) -> Iterable[tuple[str, str]]:
    for finding in incident.findings:
        if sql := finding.evidence.get("sql"):
            yield finding.audit, str(sql)


def _say_slice(slice_: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in slice_.items()) or "everything"
