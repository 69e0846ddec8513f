"""What an item's owner asks first: how it is known, shown, played and ranked, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from recsysops.detection.catalogue import OWNED_METRICS
from recsysops.detection.cells import read_distributions
from recsysops.detection.context import make_context
from recsysops.detection.owned_metric import Measure, OwnedMetric, as_audit, item_values
from recsysops.ports import IncidentBook, QueryEngine
from recsysops.request_log.job_records import ItemSnapshotRow
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.vocabulary import Incident, Window

_NEWEST = """
SELECT {columns} FROM item_snapshots s
WHERE s.item_id = {item} AND s.dt >= {first_day} AND s.as_of < {end}
ORDER BY s.as_of DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class ItemMetric:
    """One metric of the item. declared: its name when an owner declared it, None for the standard
    ones. before and now are None when there are too few rows to say."""

    measure: Measure
    declared: str | None
    owner: str | None
    before: float | None
    now: float | None
    p_value: float | None
    floor: float | None


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item over one window. features: as last served, None when no snapshot has it."""

    item_id: str
    features: ItemSnapshotRow | None
    metrics: tuple[ItemMetric, ...]
    incidents: tuple[Incident, ...]

    def is_unknown(self) -> bool:
        """Whether nothing at all is known of the item."""
        measured = any(one.now is not None or one.before is not None for one in self.metrics)
        return self.features is None and not measured and not self.incidents


def show_item(
    item_id: str,
    *,
    window: Window,
    reference: Window,
    queries: QueryEngine,
    incidents: IncidentBook,
) -> ItemPage:
    """Ask the lake and the incident book about one item.

    Raises: BadInput when the id is none or the windows overlap; DependencyError.
    """
    features = _features(item_id, reference, window, queries)
    asked = [*_standard_metrics(item_id), *(m for m in OWNED_METRICS if item_id in m.items)]
    return ItemPage(
        item_id=item_id,
        features=features,
        metrics=tuple(_metric(one, item_id, window, reference, queries) for one in asked),
        incidents=tuple(one for one in incidents.list_incidents() if is_about(one, item_id)),
    )


def is_about(incident: Incident, item_id: str) -> bool:
    """Tell whether an incident, its findings or its diagnosis name an item."""
    named = {incident.subject}
    for finding in incident.findings:
        named |= {finding.subject, *finding.slice.values()}
    return item_id in named or item_id in set(_suspects(incident))


def _suspects(incident: Incident) -> Iterator[str]:
    suspicions = (incident.diagnosis or {}).get("suspicions", [])
    for suspicion in suspicions if isinstance(suspicions, list) else []:
        if isinstance(suspicion, Mapping):
            yield from map(str, suspicion.get("item_ids", []))


def _standard_metrics(item_id: str) -> Iterator[OwnedMetric]:
    for measure in get_args(Measure):
        yield OwnedMetric(
            name="standard",
            question="How does this item do?",
            owner="catalogue",
            runbook="Ask its owner.",
            measure=measure,
            items=(item_id,),
            floor=1.0,
        )


def _features(
    item_id: str, reference: Window, window: Window, queries: QueryEngine
) -> ItemSnapshotRow | None:
    sql = render_sql(
        _NEWEST,
        columns=Declared(select_columns(ItemSnapshotRow, table="s")),
        item=item_id,
        first_day=utc_day(reference.start),
        end=window.end,
    )
    rows = list(queries.run(sql))
    return read_lake_row(ItemSnapshotRow, rows[0]) if rows else None


def _metric(
    metric: OwnedMetric, item_id: str, window: Window, reference: Window, queries: QueryEngine
) -> ItemMetric:
    context = make_context(window=window, reference=reference)
    rows = queries.run(as_audit(metric).render(context))
    change = item_values(metric, read_distributions(rows)).get(item_id)
    is_declared = metric.name != "standard"
    return ItemMetric(
        measure=metric.measure,
        declared=metric.name if is_declared else None,
        owner=metric.owner if is_declared else None,
        before=change.baseline if change else None,
        now=change.observed if change else None,
        p_value=change.p_value if change else None,
        floor=metric.floor if is_declared else None,
    )
