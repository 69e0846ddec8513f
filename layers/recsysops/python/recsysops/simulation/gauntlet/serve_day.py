"""Serves a day of a world: items as delivered, vectors, scores, slates, in that order.

A fault may take hold of every stage on the way (`corrupt`), so that what it breaks upstream
shows downstream as it would in production.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from recsysops.simulation.gauntlet.columns import Columns, Floats, Mask, Rows, Vectors, choose_texts
from recsysops.simulation.gauntlet.linear_model import (
    Model,
    block_edges,
    encode_content,
    popularity_bias,
)
from recsysops.simulation.gauntlet.requests import draw_requests, ordinary_settings
from recsysops.simulation.gauntlet.slates import Slates, rank_requests, score_members
from recsysops.simulation.gauntlet.upstream import Upstream, delivered_items, is_launched
from recsysops.simulation.gauntlet.world import World

Corrupt: TypeAlias = Callable[[str, Columns], Columns]
"""What a fault makes of the table of that name; a table it does not touch comes back as it is."""

VECTOR_BLOCKS = ("genre", "year", "language", "collaborative")


def leave_alone(table: str, columns: Columns) -> Columns:
    """Corrupt nothing."""
    del table
    return columns


@dataclass(frozen=True, slots=True, eq=False)
class ServedDay:
    """A day as served.

    items: as delivered, n rows, with `row` in the world; vectors: (n, d) and bias: (n,) as
    served; members: (a, d) vectors of the active members, the last one nobody's (zeros).
    fallback: (r,) the reason, None where the model answered.
    """

    day: int
    requests: Columns
    settings: Columns
    items: Columns
    vectors: Vectors
    bias: Vectors
    plays: Floats
    members: Vectors
    slates: Slates
    fallback: Columns
    model: Model

    @property
    def snapshot_age(self) -> int:
        """Days since the snapshot that answers was made."""
        return _snapshot_age(self.settings)


def serve_day(world: World, upstream: Upstream, model: Model, *, corrupt: Corrupt) -> ServedDay:
    """Serve all requests of a day."""
    day = upstream.day
    requests = corrupt("requests", draw_requests(world, day))
    settings = corrupt("settings", ordinary_settings())
    items = corrupt("items", delivered_items(world, upstream))
    plays = _plays_as_served(items, upstream, settings, corrupt=corrupt)
    vectors, bias = _serve_items(world, items, model, plays=plays, corrupt=corrupt)
    active, rows = np.unique(requests["member"], return_inverse=True)
    members = _member_vectors(world, model, active, corrupt=corrupt)
    fallback = _fall_back(requests, settings, rng=world.rng(30, day))
    places = np.where(fallback["reason"] == None, rows, len(active))  # noqa: E711 - a column
    slates = rank_requests(
        score_members(members, vectors, bias),
        active=places,
        requests=requests,
        eligible=_is_eligible(world, items, day=day),
        explore_rate=float(settings["explore_rate"][0]),
        explore_drawn=float(settings["explore_drawn"][0]),
        rng=world.rng(31, day),
    )
    return ServedDay(
        day, requests, settings, items, vectors, bias, plays, members, slates, fallback, model
    )


def _is_eligible(world: World, items: Columns, *, day: int) -> Mask:
    # a column of objects: None is no False
    out_of_stock = np.asarray(items["in_stock"] == False, dtype=np.bool_)  # noqa: E712
    eligible: Mask = is_launched(world, items, day=day) & ~out_of_stock
    return eligible


def _plays_as_served(
    items: Columns, upstream: Upstream, settings: Columns, *, corrupt: Corrupt
) -> Floats:
    """Return the popularity of the snapshot that serves, today's or an older one."""
    age = min(_snapshot_age(settings), len(upstream.past_plays))
    plays = upstream.plays if age == 0 else upstream.past_plays[-age]
    counted: Floats = corrupt("plays", {**items, "plays": plays[items["row"]]})["plays"]
    return counted


def _snapshot_age(settings: Columns) -> int:
    return int(np.floor(settings["snapshot_age"][0] + 0.5))


def _serve_items(
    world: World, items: Columns, model: Model, *, plays: Floats, corrupt: Corrupt
) -> tuple[Vectors, Vectors]:
    """Encode the delivered items; the artefact's latent block goes to those it knows."""
    content = encode_content(items, world.vocabulary)
    whole = np.hstack([content, model.latent[items["row"]]])
    described = {**items, **_split(world, whole), "popularity": popularity_bias(plays)}
    served = corrupt("item_vectors", described)
    return _whole(served), served["popularity"].astype(np.float32)


def _member_vectors(world: World, model: Model, active: Rows, *, corrupt: Corrupt) -> Vectors:
    described = {name: column[active] for name, column in world.members.items()}
    described |= _split(world, model.vectors[active])
    whole = _whole(corrupt("member_vectors", described))
    return np.vstack([whole, np.zeros((1, whole.shape[1]), dtype=np.float32)])


def _split(world: World, vectors: Vectors) -> Columns:
    edges = block_edges(world)
    return {
        name: vectors[:, start:stop]
        for name, start, stop in zip(VECTOR_BLOCKS_AS_COLUMNS, edges, edges[1:], strict=False)
    }


def _whole(columns: Columns) -> Vectors:
    return np.hstack([columns[name] for name in VECTOR_BLOCKS_AS_COLUMNS]).astype(np.float32)


def _fall_back(requests: Columns, settings: Columns, *, rng: np.random.Generator) -> Columns:
    """Name why requests do not get the model: no vector yet, or the member store was slow."""
    reason = choose_texts(requests["known"], None, "cold_member")
    slow = rng.random(len(reason)) < float(settings["fallback_share"][0])
    reason[slow] = "member_store_slow"
    return {"reason": reason}


VECTOR_BLOCKS_AS_COLUMNS = tuple(f"block_{name}" for name in VECTOR_BLOCKS)
"""Vectors by block, so that a fault can name one; `language` alone is the raw feature."""
