"""Brings a model that was trained elsewhere: two arrays of vectors become one of our models."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from recsysops.errors import BadData
from recsysops.learning.convert_vectors import convert_vectors
from recsysops.model.artefact import unpack_artefact
from recsysops.model.packing import pack_vector
from recsysops.model.vector_set import VectorSet
from recsysops.ports import BlobStore, ItemStore, LakeWriter, MemberStore, ModelRegistry
from recsysops.vocabulary import ModelEntry, ModelStatus
from recsysops.workflows.release_model import ReleasedMember, release_model
from recsysops.workflows.write_profile import write_profile


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """The model's id, and how much of it meets the tables.

    known_items: item vectors whose item the table holds; the others are never ranked.
    """

    model_id: str
    items: int
    known_items: int
    members: int


def import_model(
    items: VectorSet,
    members: VectorSet,
    *,
    as_of: datetime,
    trained_by: str,
    item_store: ItemStore,
    blobs: BlobStore,
    member_store: MemberStore,
    registry: ModelRegistry,
    status: ModelStatus = "candidate",
    popularity_weight: float = 0.0,
    half_life_days: float = 30.0,
    new_salt: Callable[[], str] = lambda: secrets.token_hex(16),
    lake: LakeWriter | None = None,
) -> ImportedModel:
    """Convert the arrays and release them as a model; scorers serve it once it is pointed to.

    lake: where its profile goes, so that it is audited before it serves.

    Raises: BadData when the arrays do not fit together, or no item of theirs is in the table;
        DependencyError. Nothing is written then.
    """
    model = convert_vectors(
        items,
        members,
        as_of=as_of,
        trained_by=trained_by,
        popularity_weight=popularity_weight,
        half_life_days=half_life_days,
    )
    features = {item.item_id: item for item in item_store.scan()}
    known = len(set(items.ids) & features.keys())
    if not known:
        raise BadData(
            f"none of the {len(items.ids)} item vectors names an item of the table, "
            f"e.g. {items.ids[0]!r}: are these its ids?"
        )
    artefact = unpack_artefact(model.files)
    release_model(
        model.files,
        ModelEntry(artefact.model_id, status, as_of, artefact.manifest.metrics),
        (
            ReleasedMember(member_id, pack_vector(vector, owner=artefact.owner))
            for member_id, vector in zip(model.members.ids, model.members.vectors, strict=True)
        ),
        blobs=blobs,
        members=member_store,
        registry=registry,
        new_salt=new_salt,
    )
    if lake is not None:
        write_profile(artefact, features, lake=lake)
    return ImportedModel(artefact.model_id, len(items.ids), known, len(members.ids))
