"""Trainings of a world that a fault can take hold of: the rows that teach, and how old they are.

A row is one play of the days before: which member chose which item, and its label (1: liked). What
is learned is linear in the labels, as least squares is: an affinity taught by rows of which a
share s has its sign turned comes out 1 - 2s times as large. With every label 1 the model is the
one that linear_model.train_model makes, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from recsysops.simulation.gauntlet.columns import Columns, Floats, Rows
from recsysops.simulation.gauntlet.linear_model import Model, encode_content, train_model
from recsysops.simulation.gauntlet.serve_day import Corrupt
from recsysops.simulation.gauntlet.upstream import Upstream
from recsysops.simulation.gauntlet.world import World

TRAINING_TABLES = ("trainings", "training_rows")
"""A fault that touches one of them trains a model on the morning that it begins."""
_STREAM = 80


def train_now(world: World, upstream: Upstream, *, version: int, corrupt: Corrupt) -> Model:
    """Train on the morning of a day, out of turn, with whatever is wrong with the training."""
    today = world.date_of(upstream.day)
    planned = corrupt("trainings", {"data_age_days": np.array([0.0])})
    age = round(float(planned["data_age_days"][0]))
    clean = train_model(world, version=version, trained_on=today - timedelta(days=age))
    rows = _draw_rows(world, upstream)
    taught = corrupt("training_rows", rows)
    return replace(
        _learn(world, clean, taught),
        model_id=f"{clean.model_id}-of-{today:%Y%m%d}",
        serves_from=today,
        rows_kept=_kept_share(rows["item"], taught["item"], count=len(world.item_ids)),
    )


def _draw_rows(world: World, upstream: Upstream) -> Columns:
    """Return a row per play that still counts, by members as active as they are."""
    rng = world.rng(_STREAM, upstream.day)
    item = np.repeat(np.arange(len(world.item_ids)), np.ceil(upstream.plays).astype(np.intp))
    activity = world.members["activity"]
    member = rng.choice(len(activity), size=len(item), p=activity)
    described = {name: upstream.items[name][item] for name in ("language", "source", "genres")}
    return {
        "item": item,
        "member": member,
        "label": np.ones(len(item)),
        "country": world.members["country"][member],
        **described,
    }


def _learn(world: World, clean: Model, rows: Columns) -> Model:
    """Scale what is learned without the fault by what the labels still say of it."""
    members, items, labels = rows["member"], rows["item"], rows["label"]
    content = encode_content(world.items, world.vocabulary).astype(np.float64)
    counts = (len(world.members["group"]), len(world.item_ids))
    by_taste = np.stack(
        [
            _mean_label(members, labels, weights=column[items], count=counts[0])
            for column in content.T
        ],
        axis=1,
    )
    ones = np.ones(len(items))
    by_member = _mean_label(members, labels, weights=ones, count=counts[0])
    by_item = _mean_label(items, labels, weights=ones, count=counts[1])
    width = clean.latent.shape[1]
    factors = np.hstack([by_taste, np.repeat(by_member[:, None], width, axis=1)])
    return replace(
        clean,
        vectors=(clean.vectors * factors).astype(np.float32),
        latent=(clean.latent * by_item[:, None]).astype(np.float32),
    )


def _mean_label(places: Rows, labels: Floats, *, weights: Floats, count: int) -> Floats:
    """Return the weighted mean label by place, (count,); 1 where no row says anything."""
    total = np.bincount(places, weights=weights, minlength=count)
    liked = np.bincount(places, weights=weights * labels, minlength=count)
    return np.where(total > 0, liked / np.where(total > 0, total, 1.0), 1.0)


def _kept_share(before: Rows, after: Rows, *, count: int) -> Floats:
    """Return by item how many of its rows taught the model, in rows that there were."""
    had, taught = (np.bincount(rows, minlength=count) for rows in (before, after))
    return np.where(had > 0, taught / np.maximum(had, 1), 1.0)
