"""Trains a model and puts it where scorers find it: artefact, member vectors, registry entry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from recsysops.learning.fit_model import FittedModel, fit_model, pack_model
from recsysops.learning.table import align_rows
from recsysops.model.artefact import ModelArtefact, artefact_key, unpack_artefact
from recsysops.model.interactions import Interactions
from recsysops.model.packing import pack_vector
from recsysops.ports import BlobStore, MemberStore, ModelRegistry, Progress
from recsysops.vocabulary import ItemFeatures, Member, ModelEntry, ModelStatus
from recsysops.workflows.steps import count_steps

NEWEST_MODELS_KEPT = 3
"""A member has vectors for this many models: the serving one and two to pin."""

SEEN_KEPT = 4000
_STEPS = 6


def train_model(
    interactions: Interactions,
    items: Iterable[ItemFeatures],
    *,
    as_of: datetime,
    seed: int,
    blobs: BlobStore,
    members: MemberStore,
    registry: ModelRegistry,
    status: ModelStatus = "production",
    trained_by: str,
    progress: Progress | None = None,
    new_salt: Callable[[], str] = lambda: secrets.token_hex(16),
) -> str:
    """Train on the choices strictly before `as_of` and return the model's id.

    Written in the order that nothing points at what is not there yet: arrays, manifest, member
    vectors, registry. Known members keep their salt and what they have seen. A new production
    model retires the one before it.

    Raises: BadData when no choice is usable; DependencyError.
    """
    report = count_steps(progress, total=_STEPS)
    table = align_rows(interactions.before(as_of), items)
    model = fit_model(table, as_of=as_of, seed=seed, report=report)
    files = pack_model(model, table, as_of=as_of, seed=seed, trained_by=trained_by)
    artefact = unpack_artefact(files)
    report("writing model and member vectors")
    _write_files(files, blobs=blobs, model_id=artefact.model_id)
    entry = ModelEntry(artefact.model_id, status, as_of, artefact.manifest.metrics)
    kept = _models_kept(registry.entries(), entry)
    known = {member.member_id: member for member in members.scan()}
    members.put_many(
        _updated(known.get(member_id), member_id, packed=packed, seen=seen, kept=kept,
                 model_id=artefact.model_id, new_salt=new_salt)
        for member_id, packed, seen in _trained_members(interactions.before(as_of), model, artefact)
    )  # fmt: skip
    _register(entry, registry)
    return artefact.model_id


def _write_files(files: Mapping[str, bytes], *, blobs: BlobStore, model_id: str) -> None:
    for name in sorted(files, key=lambda name: (name == "manifest.json", name)):
        blobs.put(artefact_key(model_id, name), files[name])


def _trained_members(
    rows: Interactions, model: FittedModel, artefact: ModelArtefact
) -> Iterable[tuple[str, bytes, tuple[str, ...]]]:
    """Yield (member id, packed vector, items seen, oldest first)."""
    grouped = np.argsort(rows.members, kind="stable")
    starts = np.searchsorted(rows.members[grouped], np.arange(len(rows.member_ids) + 1))
    for code, vector in zip(model.members.tolist(), model.member_vectors, strict=True):
        own = rows.items[grouped[starts[code] : starts[code + 1]]].tolist()
        yield (
            rows.member_ids[code],
            pack_vector(vector, owner=artefact.owner),
            tuple(dict.fromkeys(rows.item_ids[item] for item in own)),
        )


def _updated(
    known: Member | None,
    member_id: str,
    *,
    packed: bytes,
    seen: tuple[str, ...],
    kept: frozenset[str],
    model_id: str,
    new_salt: Callable[[], str],
) -> Member:
    if known is None:
        return Member(member_id, {model_id: packed}, seen[-SEEN_KEPT:], new_salt())
    vectors = {name: body for name, body in known.vectors.items() if name in kept}
    # what feedback added since the rows were read is newest
    together = tuple(dict.fromkeys([*seen, *known.seen]))[-SEEN_KEPT:]
    return replace(known, vectors={**vectors, model_id: packed}, seen=together)


def _models_kept(entries: Sequence[ModelEntry], new: ModelEntry) -> frozenset[str]:
    others = [entry for entry in entries if entry.model_id != new.model_id]
    newest = sorted(others, key=lambda entry: entry.trained_at, reverse=True)
    return frozenset(entry.model_id for entry in newest[: NEWEST_MODELS_KEPT - 1])


def _register(entry: ModelEntry, registry: ModelRegistry) -> None:
    before = registry.entries()
    registry.put(entry)
    if entry.status != "production":
        return
    for old in before:
        if old.status == "production" and old.model_id != entry.model_id:
            registry.put(replace(old, status="retired"))
