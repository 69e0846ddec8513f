"""Diagnoses one incident: replay, input or model, peers, slices; from the lake and the artefacts.

Serving tables are out of reach on purpose: what they hold may have changed since.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from recsysops.diagnosis.items_as_served import (
    NamedQuery,
    ServedItem,
    query_items,
    query_served_versions,
    served_item,
)
from recsysops.diagnosis.slices import rank_slices
from recsysops.diagnosis.suspects import Suspicion, find_suspicions, pair_items
from recsysops.diagnosis.two_by_two import (
    Corners,
    TwoByTwo,
    block_spreads,
    collapsed_blocks,
    compare_corners,
)
from recsysops.diagnosis.verdict import Diagnosis, ReplayCheck, ServedModels, decide_cause
from recsysops.errors import ArtefactError, CouldNotJudge, FlagError
from recsysops.model.catalogue import Catalogue, assemble_catalogue
from recsysops.model.kernel import Float32Array
from recsysops.model.packing import unpack_vector
from recsysops.ports import ModelRegistry, QueryEngine
from recsysops.request_log.records import FullRequest
from recsysops.serving.hotfixes import pinned_model
from recsysops.vocabulary import Incident, Window
from recsysops.workflows.load_catalogue import CatalogueCache, load_delta

SCORED_MEMBERS = 60
SCORED_ITEMS = 1_500


@dataclass(frozen=True, slots=True)
class DiagnosisPorts:
    """What a diagnosis may see.

    read_records: full records of a window, at most so many. replay: how many of them were
    repeated bit for bit.
    """

    queries: QueryEngine
    catalogues: CatalogueCache
    registry: ModelRegistry
    read_records: Callable[[Window, int], Sequence[FullRequest]]
    replay: Callable[[Sequence[FullRequest]], ReplayCheck]


@dataclass(frozen=True, slots=True)
class _Served:
    """The newest (model, delta) that answered requests of a window."""

    model_id: str
    delta_id: str
    flag_version: str


@dataclass(slots=True)
class _Evidence:
    """Runs named queries and remembers them for the evidence pack."""

    queries: QueryEngine
    ran: list[dict[str, object]] = field(default_factory=list)

    def run(self, query: NamedQuery) -> list[dict[str, object]]:
        rows = self.queries.run(query.sql)
        self.ran.append({"name": query.name, "sql": query.sql.strip(), "rows": len(rows)})
        return rows


def diagnose_incident(
    incident: Incident, *, ports: DiagnosisPorts, records: int = 200
) -> Diagnosis:
    """Name what an incident comes from, with the evidence.

    Raises: CouldNotJudge when the incident has no reference window or one of the windows has no
    requests: there is nothing to compare with.
    """
    if incident.reference is None:
        raise CouldNotJudge(f"could not judge, because {incident.incident_id} has no reference")
    evidence = _Evidence(ports.queries)
    now = _newest_served(evidence, incident.window, name="versions served in the window")
    before = _newest_served(evidence, incident.reference, name="versions served in the reference")
    items_now = _items(evidence, now.delta_id, name="items as served in the window")
    items_before = _items(evidence, before.delta_id, name="items as served in the reference")
    logged = ports.read_records(incident.window, records)
    models = _served_models(ports, now=now, before=before)
    corners = _corners(ports.catalogues, now=now, before=before)
    pairs = pair_items(items_now, items_before, catalogue=corners.model_before_items_before)
    suspicions = find_suspicions(pairs)
    square, collapsed = _measure(
        corners,
        logged=logged,
        logged_before=ports.read_records(incident.reference, records),
        suspicions=suspicions,
    )
    cause = decide_cause(
        subject=incident.subject,
        models=models,
        suspicions=suspicions,
        collapsed=collapsed,
        square=square,
    )
    slices = rank_slices(items_before, cause.item_ids)
    return Diagnosis(
        incident_id=incident.incident_id,
        verdict=cause.verdict,
        component=cause.component,
        feature=cause.feature,
        model_id=cause.model_id,
        source=next((s.value for s in slices if s.facet == "source" and s.recall == 1.0), ""),
        item_ids=cause.item_ids,
        summary=cause.summary,
        replay=ports.replay(logged),
        two_by_two=square,
        slices=tuple(slices),
        suspicions=tuple(suspicions),
        evidence={
            "queries": evidence.ran,
            "models": {"now": now.model_id, "before": before.model_id, "approved": models.approved},
            "deltas": {"now": now.delta_id, "before": before.delta_id},
            "collapsed_blocks": collapsed,
        },
    )


def _newest_served(evidence: _Evidence, window: Window, *, name: str) -> _Served:
    rows = evidence.run(query_served_versions(window, name=name))
    served = [row for row in rows if row["model_id"] and row["delta_id"]]
    if not served:
        raise CouldNotJudge(
            f"could not judge, because no request was served from {window.start:%F %R} "
            f"to {window.end:%F %R}"
        )
    newest = max(served, key=lambda row: str(row["last_seen"]))
    return _Served(
        model_id=str(newest["model_id"]),
        delta_id=str(newest["delta_id"]),
        flag_version=str(newest["flag_version"]) if newest["hotfixed"] else "",
    )


def _served_models(ports: DiagnosisPorts, *, now: _Served, before: _Served) -> ServedModels:
    approved = (e.model_id for e in ports.registry.entries() if e.status == "production")
    return ServedModels(
        now=now.model_id,
        before=before.model_id,
        approved=next(approved, None),
        pinned_by_hotfix=_is_pinned(now, ports.catalogues),
    )


def _is_pinned(served: _Served, catalogues: CatalogueCache) -> bool:
    """Tell whether a hotfix pinned the model; a document that cannot be read excuses nobody."""
    if not served.flag_version:
        return False
    try:
        hotfixes = catalogues.flag_document(served.flag_version).hotfixes
    except FlagError:
        return False
    return served.model_id in [pinned_model((hotfix,)) for hotfix in hotfixes]


def _items(evidence: _Evidence, delta_id: str, *, name: str) -> list[ServedItem]:
    return [served_item(row) for row in evidence.run(query_items(delta_id, name=name))]


def _corners(catalogues: CatalogueCache, *, now: _Served, before: _Served) -> Corners:
    return Corners(
        model_now_items_now=_without_popularity(catalogues, now.model_id, now.delta_id),
        model_now_items_before=_without_popularity(catalogues, now.model_id, before.delta_id),
        model_before_items_before=_without_popularity(catalogues, before.model_id, before.delta_id),
    )


def _without_popularity(catalogues: CatalogueCache, model_id: str, delta_id: str) -> Catalogue:
    """Put a model and a snapshot together that need never have served together.

    A snapshot holds popularity at the half-lives of the models of its time only; the square does
    not look at popularity, so a model of another time may be asked about its items too.
    """
    artefact = catalogues.artefact(model_id)
    manifest = artefact.manifest.model_copy(update={"popularity": ()})
    return assemble_catalogue(
        replace(artefact, manifest=manifest), load_delta(catalogues.blobs, delta_id)
    )


def _measure(
    corners: Corners,
    *,
    logged: Sequence[FullRequest],
    logged_before: Sequence[FullRequest],
    suspicions: Sequence[Suspicion],
) -> tuple[TwoByTwo | None, list[str]]:
    """Return the two-by-two over members seen in both windows, and blocks that stopped ranking."""
    now = _vectors(logged, corners.model_now_items_now)
    before = _vectors(logged_before, corners.model_before_items_before)
    if not now or not before:
        return None, []
    suspects = suspicions[0].item_ids if suspicions else ()
    items = _some_items(corners, suspects)
    both = sorted(set(now) & set(before))[:SCORED_MEMBERS]
    square = compare_corners(
        corners,
        vectors_now=[now[member] for member in both],
        vectors_before=[before[member] for member in both],
        item_ids=items,
        suspects=[item for item in suspects if item in set(items)],
    )
    return square if both else None, collapsed_blocks(
        _spreads(corners.model_now_items_now, now, items),
        _spreads(corners.model_before_items_before, before, items),
    )


def _spreads(
    catalogue: Catalogue, vectors: Mapping[str, Float32Array], items: Sequence[str]
) -> dict[str, float]:
    chosen = [vectors[member] for member in sorted(vectors)[:SCORED_MEMBERS]]
    return block_spreads(catalogue, chosen, item_ids=items)


def _vectors(records: Sequence[FullRequest], catalogue: Catalogue) -> dict[str, Float32Array]:
    """Return the logged vector of each member that fits the catalogue's model."""
    found: dict[str, Float32Array] = {}
    for record in records:
        if record.member_vector is None or record.member in found:
            continue
        try:
            packed = base64.b64decode(record.member_vector, validate=True)
            found[record.member] = unpack_vector(packed, owner=catalogue.owner)
        except (ArtefactError, binascii.Error):
            continue  # made for another model: it says nothing about this one
    return found


def _some_items(corners: Corners, suspects: Sequence[str]) -> list[str]:
    """Return up to SCORED_ITEMS items that all corners know, the suspects first."""
    corner_items = [
        set(corner.row_of)
        for corner in (corners.model_now_items_now, corners.model_before_items_before)
    ]
    common = corner_items[0] & corner_items[1]
    odd = [item for item in suspects if item in common][: SCORED_ITEMS // 2]
    rest = sorted(common - set(odd))
    step = max(1, len(rest) // (SCORED_ITEMS - len(odd)))
    return odd + list(np.array(rest)[::step][: SCORED_ITEMS - len(odd)].tolist())
