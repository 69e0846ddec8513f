"""Gathers what audits must know of models that serve or may: profiles, and a sample repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from recsysops.errors import ArtefactError
from recsysops.ports import LakeWriter, ModelRegistry, QueryEngine
from recsysops.request_log.job_records import REPLAYED_A_DAY, ReplayedRequestRow
from recsysops.request_log.records import SCHEMA_VERSION, FullRequest
from recsysops.request_log.sql import render_sql, utc_day
from recsysops.vocabulary import Window
from recsysops.workflows.approved_models import models_in_service
from recsysops.workflows.day_objects import cover_days, write_days
from recsysops.workflows.load_catalogue import CatalogueCache, read_delta_pointer
from recsysops.workflows.replay_requests import (
    ReplayedRequest,
    read_full_records,
    replay_requests,
)
from recsysops.workflows.write_profile import write_profile

_SERVED = """
SELECT model_id AS model_id, max_by(delta_id, event_time) AS delta_id
FROM slim_requests
WHERE dt >= {first_day} AND event_time >= {start} AND event_time < {end}
  AND model_id <> '' AND delta_id <> ''
GROUP BY model_id
ORDER BY model_id"""


@dataclass(frozen=True, slots=True)
class CheckedModels:
    """What was written: models profiled, and why others were not; requests repeated."""

    profiled: tuple[str, ...]
    unreadable: Mapping[str, str]
    replayed_count: int
    differing_count: int

    def to_document(self) -> dict[str, object]:
        """Return the answer as JSON-ready values."""
        return {**asdict(self), "profiled": list(self.profiled)}


def check_models(
    window: Window,
    *,
    reference: Window,
    queries: QueryEngine,
    cache: CatalogueCache,
    lake: LakeWriter,
    registry: ModelRegistry,
    sample: int = REPLAYED_A_DAY,
) -> CheckedModels:
    """Profile every model that served in either stretch or may, and repeat a sample of the window.

    Neither a repeat nor an overlapping window counts anything twice: a model has one profile,
    and the requests of a UTC day are one object. A model whose artefact cannot be read has no
    profile, which its audit says.

    Raises: DependencyError; BadData when the log holds a row that is none.
    """
    served = read_served_models(queries, Window(reference.start, window.end))
    profiled, unreadable = [], {}
    for model_id, delta_id in _models_to_profile(served, cache, registry).items():
        try:
            catalogue, artefact = cache.load(model_id, delta_id), cache.artefact(model_id)
        except ArtefactError as error:
            unreadable[model_id] = str(error)
            continue
        write_profile(artefact, {item.item_id: item for item in catalogue.items}, lake=lake)
        profiled.append(model_id)
    replayed = _replay_days(cover_days(window), queries, cache, lake=lake, sample=sample)
    return CheckedModels(
        profiled=tuple(profiled),
        unreadable=unreadable,
        replayed_count=len(replayed),
        differing_count=sum(row.outcome in ("different", "refused") for row in replayed),
    )


def read_served_models(queries: QueryEngine, window: Window) -> dict[str, str]:
    """Return the models that served, each with the last snapshot it served."""
    sql = render_sql(_SERVED, first_day=utc_day(window.start), start=window.start, end=window.end)
    return {str(row["model_id"]): str(row["delta_id"]) for row in queries.run(sql)}


def _models_to_profile(
    served: Mapping[str, str], cache: CatalogueCache, registry: ModelRegistry
) -> dict[str, str]:
    """Return the models that served, and approved ones that have not, with a snapshot each.

    A candidate is looked at with the snapshot that answers now; before any is made, not at all.
    """
    waiting = [model for model in models_in_service(registry) if model not in served]
    try:
        delta_id = read_delta_pointer(cache.blobs).delta_id if waiting else ""
    except ArtefactError:
        return dict(served)
    return {**served, **dict.fromkeys(waiting, delta_id)}


def _replay_days(
    days: Window, queries: QueryEngine, cache: CatalogueCache, *, lake: LakeWriter, sample: int
) -> list[ReplayedRequestRow]:
    records = read_full_records(queries, window=days, limit=sample * (days.end - days.start).days)
    report = replay_requests(records, cache=cache)
    rows = [_replayed_row(*pair) for pair in zip(records, report.requests, strict=True)]
    write_days("replayed_requests", rows, lake=lake, name="replays")
    return rows


def _replayed_row(record: FullRequest, repeated: ReplayedRequest) -> ReplayedRequestRow:
    verdict = repeated.verdict
    differs = ", ".join(verdict.differences) if verdict else None
    return ReplayedRequestRow(
        schema_version=SCHEMA_VERSION,
        request_id=record.request_id,
        event_time=record.event_time,
        surface=record.surface,
        member=record.member,
        member_group=record.member_group,
        model_id=record.model_id,
        delta_id=record.delta_id,
        outcome=repeated.outcome,
        reason=repeated.reason or differs or None,
        blocks=record.blocks,
        block_differences=list(verdict.block_differences) if verdict else [],
        inclusion_probability=record.inclusion_probability,
        traffic=record.traffic,
    )
