"""Trains a model and puts it where scorers find it: artefact, member vectors, registry entry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import numpy as np

from recsysops.learning.fit_model import FittedModel, fit_model, pack_model
from recsysops.learning.table import align_rows
from recsysops.model.artefact import ModelArtefact, unpack_artefact
from recsysops.model.feedback_weights import PLAYS_ONLY, FeedbackWeights, weigh_choices
from recsysops.model.interactions import Interactions
from recsysops.model.packing import pack_vector
from recsysops.ports import BlobStore, LakeWriter, MemberStore, ModelRegistry, Progress
from recsysops.vocabulary import FeedbackKind, ItemFeatures, ModelEntry, ModelStatus
from recsysops.workflows.release_model import ReleasedMember, release_model
from recsysops.workflows.steps import count_steps
from recsysops.workflows.write_profile import write_profile

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
    weights: FeedbackWeights = PLAYS_ONLY,
    lake: LakeWriter | None = None,
) -> str:
    """Train on the choices strictly before `as_of` and return the model's id.

    Every choice is worth one play, or where `weights` say what ratings are worth, its rating. What
    is worth nothing teaches nothing, but its member has seen it all the same. lake: where the
    model's profile goes, so that it is audited before it serves.

    Raises: BadData when no choice is usable; DependencyError.
    """
    report = count_steps(progress, total=_STEPS)
    kind: FeedbackKind = "rating" if weights.rating else "play"
    described = tuple(items)
    table = align_rows(weigh_choices(interactions.before(as_of), weights, kind=kind), described)
    model = fit_model(table, as_of=as_of, seed=seed, report=report)
    files = pack_model(model, table, as_of=as_of, seed=seed, trained_by=trained_by)
    artefact = unpack_artefact(files)
    report("writing model and member vectors")
    release_model(
        files,
        ModelEntry(artefact.model_id, status, as_of, artefact.manifest.metrics),
        _trained_members(interactions.before(as_of), model, artefact),
        blobs=blobs,
        members=members,
        registry=registry,
        new_salt=new_salt,
    )
    if lake is not None:
        write_profile(artefact, {item.item_id: item for item in described}, lake=lake)
    return artefact.model_id


def _trained_members(
    rows: Interactions, model: FittedModel, artefact: ModelArtefact
) -> Iterator[ReleasedMember]:
    """Yield every member with history, items seen oldest first."""
    grouped = np.argsort(rows.members, kind="stable")
    starts = np.searchsorted(rows.members[grouped], np.arange(len(rows.member_ids) + 1))
    for code, vector in zip(model.members.tolist(), model.member_vectors, strict=True):
        own = rows.items[grouped[starts[code] : starts[code + 1]]].tolist()
        yield ReleasedMember(
            rows.member_ids[code],
            pack_vector(vector, owner=artefact.owner),
            tuple(dict.fromkeys(rows.item_ids[item] for item in own)),
        )
