"""A whole model from choices and a catalogue: vectors, popularity and where they came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from recsysops.learning.affinity import STRENGTH
from recsysops.learning.blend import view_members, weigh_views
from recsysops.learning.first_weeks import count_first_weeks
from recsysops.learning.fit_blend import FittedBlend, Report, fit_blend
from recsysops.learning.histories import Queries, index_members
from recsysops.learning.item_space import ItemSpace, build_item_space
from recsysops.learning.popularity import SMOOTHING, decayed_plays
from recsysops.learning.table import TrainingTable
from recsysops.model.artefact import pack_artefact
from recsysops.model.encoder import COLLABORATIVE
from recsysops.model.item_rows import features_to_row
from recsysops.model.kernel import Float32Array, Float64Array, IndexArray


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model as of a moment, before it is packed.

    play_counts: decayed plays, (n_items, popularity terms); members: codes of members with
    history, (m,); member_vectors: (m, width) float32, blend weights folded in.
    """

    fitted: FittedBlend
    space: ItemSpace
    play_counts: Float64Array
    members: IndexArray
    member_vectors: Float32Array


def fit_model(
    table: TrainingTable, *, as_of: datetime, seed: int, report: Report = lambda _: None
) -> FittedModel:
    """Fit on the choices strictly before `as_of`; profiles are as of then."""
    known = table.before(as_of.timestamp())
    fitted = fit_blend(known, seed=seed, follows_events=False, report=report)
    report("factorising all rows")
    space = build_item_space(known, seed=seed)
    report("folding in members")
    members = np.unique(known.rows.members).astype(np.intp)
    queries = Queries(members, np.full(len(members), as_of.timestamp()))
    shape = fitted.blend.shape
    views = view_members(known.rows, index_members(known.rows), queries, space=space, shape=shape)
    return FittedModel(
        fitted=fitted,
        space=space,
        play_counts=decayed_plays(
            known.rows, at=as_of.timestamp(), half_life_days=shape.popularity_days
        ),
        members=members,
        member_vectors=weigh_views(views, space=space, blend=fitted.blend),
    )


def pack_model(
    model: FittedModel, table: TrainingTable, *, as_of: datetime, seed: int, trained_by: str
) -> dict[str, bytes]:
    """Return the artefact's files by name; the same data, moment and seed give the same id."""
    encoder, blend = model.space.encoder, model.fitted.blend
    terms = zip(blend.shape.popularity_days, blend.popularity_weights.tolist(), strict=True)
    manifest: dict[str, object] = {
        "trained_at": as_of.astimezone(UTC).isoformat(),
        "trained_by": trained_by,
        "data_hash": hash_table(table.before(as_of.timestamp())),
        "genres": encoder.genres,
        "year_knots": encoder.year_knots,
        "languages": encoder.languages,
        "collaborative_width": encoder.collaborative_width,
        "popularity": [{"half_life_days": days, "weight": weight} for days, weight in terms],
        "popularity_smoothing": SMOOTHING,
        "metrics": model.fitted.metrics,
        "fold_in": describe_fold_in(model),
        "first_weeks": count_first_weeks(table, as_of=as_of),
        "notes": {
            "seed": str(seed),
            "weights": json.dumps(blend.named_weights(model.space)),
            "dropped_rows": str(table.dropped_rows),
            "simulated_columns": ", ".join(sorted({c for i in table.items for c in i.simulated})),
        },
    }
    return pack_artefact(
        manifest=manifest,
        item_ids=np.array([item.item_id for item in table.items], dtype=np.str_),
        item_matrix=model.space.matrix,
        play_counts=model.play_counts,
    )


def describe_fold_in(model: FittedModel) -> dict[str, object]:
    """Return the prior by which scoring folds in members that training has not seen."""
    blend, space = model.fitted.blend, model.space
    weights: dict[str, float] = {}
    for term, weight in zip(
        blend.shape.member_terms(space), blend.member_weights.tolist(), strict=True
    ):
        if term.block != COLLABORATIVE:
            weights[term.block] = weights.get(term.block, 0.0) + weight
    background = space.background.tolist()
    return {"strength": STRENGTH, "background": background, "weights": weights}


def hash_table(table: TrainingTable) -> str:
    """Return a digest of every row and every item's features."""
    features = json.dumps([features_to_row(item) for item in table.items])
    return hashlib.sha256(f"{table.rows.content_hash}{features}".encode()).hexdigest()[:16]
