"""Puts a model where scorers find it: artefact, member vectors, registry entry, in that order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from recsysops.model.artefact import artefact_key
from recsysops.ports import BlobStore, MemberStore, ModelRegistry
from recsysops.vocabulary import Member, ModelEntry

NEWEST_MODELS_KEPT = 3
"""A member has vectors for this many models: the serving one and two to pin; and for every model
that serves a surface."""

SEEN_KEPT = 4000


@dataclass(frozen=True, slots=True)
class ReleasedMember:
    """A member's packed vector for the model, and what they have seen, oldest first."""

    member_id: str
    packed: bytes
    seen: tuple[str, ...] = ()


def release_model(
    files: Mapping[str, bytes],
    entry: ModelEntry,
    released: Iterable[ReleasedMember],
    *,
    blobs: BlobStore,
    members: MemberStore,
    registry: ModelRegistry,
    new_salt: Callable[[], str],
) -> None:
    """Write a model's files, its member vectors, then its registry entry.

    Nothing points at what is not there yet: arrays, manifest, vectors, registry. Known members
    keep their salt and what they have seen. A new production model retires the one before it.

    Raises: DependencyError; ConflictError when a member's row would not stand still.
    """
    _write_files(files, blobs=blobs, model_id=entry.model_id)
    kept = _models_kept(registry.entries(), entry)
    by_id = {one.member_id: one for one in released}

    def release(member_id: str, known: Member | None) -> Member:
        new = by_id[member_id]
        return _updated(known, new, kept=kept, model_id=entry.model_id, new_salt=new_salt)

    # members go on watching while a model is released: what they see meanwhile stays seen
    members.update_many(by_id, release)
    _register(entry, registry)


def _write_files(files: Mapping[str, bytes], *, blobs: BlobStore, model_id: str) -> None:
    for name in sorted(files, key=lambda name: (name == "manifest.json", name)):
        blobs.put(artefact_key(model_id, name), files[name])


def _updated(
    known: Member | None,
    released: ReleasedMember,
    *,
    kept: frozenset[str],
    model_id: str,
    new_salt: Callable[[], str],
) -> Member:
    if known is None:
        seen = released.seen[-SEEN_KEPT:]
        return Member(released.member_id, {model_id: released.packed}, seen, new_salt())
    vectors = {name: body for name, body in known.vectors.items() if name in kept}
    # what feedback added since the rows were read is newest
    together = tuple(dict.fromkeys([*released.seen, *known.seen]))[-SEEN_KEPT:]
    return replace(known, vectors={**vectors, model_id: released.packed}, seen=together)


def _models_kept(entries: Sequence[ModelEntry], new: ModelEntry) -> frozenset[str]:
    others = [entry for entry in entries if entry.model_id != new.model_id]
    newest = sorted(others, key=lambda entry: entry.trained_at, reverse=True)
    kept = newest[: NEWEST_MODELS_KEPT - 1]
    serving = [entry for entry in others if entry.status == "surface"]
    return frozenset(entry.model_id for entry in (*kept, *serving))


def _register(entry: ModelEntry, registry: ModelRegistry) -> None:
    before = registry.entries()
    registry.put(entry)
    if entry.status != "production":
        return
    for old in before:
        if old.status == "production" and old.model_id != entry.model_id:
            registry.put(replace(old, status="retired"))
