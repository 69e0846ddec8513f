"""What members do with what they are shown, and where the model ranked what they chose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.simulation.gauntlet.columns import Floats, Mask, Rows, Vectors
from recsysops.simulation.gauntlet.linear_model import encode_content
from recsysops.simulation.gauntlet.world import World

_EXAMINE_DECAY = 0.6
_CLICKS_MORE = 0.8
_BROWSE_SHARE = 0.25
"""Requests after which a member plays something of its own accord."""
_BROWSE_PICKINESS = 1.0
_NOT_STOCKED = 0.3
_BROWSE_AMONG = 800
_BLOCK = 64
"""Rows of scores that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What was chosen: request rows, world rows of items, and what the member did."""

    requests: Rows
    items: Rows
    kinds: Rows


KINDS = ("click", "play")


class Taste:
    """The truth about who likes what, kept for a world's whole life."""

    def __init__(self, world: World) -> None:
        members = np.hstack([world.tastes, world.latent_tastes]).astype(np.float32)
        content = encode_content(world.items, world.vocabulary)
        items = np.hstack([content, world.latent]).astype(np.float32)
        # asked of the same pairs every day: looked up, not multiplied again (40 MB a world)
        self._utilities: Vectors = members @ items.T
        self._utilities += world.items["quality"].astype(np.float32)
        self._best = self._best_items(world)
        self._histories = world.histories
        self.play_logit = world.play_logit

    def like(self, members: Rows, items: Rows) -> Vectors:
        """Return true utilities (logits) of items (r, k) to members (r,)."""
        utilities: Vectors = self._utilities[members[:, None], items]
        return utilities

    def browse(self, members: Rows, *, rng: np.random.Generator) -> Rows:
        """Return what members would look for themselves, (r,)."""
        draws = rng.random(len(members))
        if self._histories is not None:
            offsets, rows = self._histories
            lengths = offsets[members + 1] - offsets[members]
            return rows[offsets[members] + (draws * lengths).astype(np.intp)]
        place = (_BROWSE_AMONG * draws ** (2.0 * _BROWSE_PICKINESS)).astype(np.intp)
        return self._best[members, place]

    def _best_items(self, world: World) -> Rows:
        if world.histories is not None:
            return np.zeros((0, 0), dtype=np.intp)
        best = np.argpartition(-self._utilities, _BROWSE_AMONG, axis=1)[:, :_BROWSE_AMONG]
        order = np.argsort(-np.take_along_axis(self._utilities, best, axis=1), axis=1)
        return np.take_along_axis(best, order, axis=1)


def respond(
    taste: Taste,
    *,
    members: Rows,
    shown: Rows,
    can_be_seen: Mask,
    can_be_played: Mask,
    rng: np.random.Generator,
) -> Choices:
    """Draw clicks and plays of shown items (r, k), and plays that members looked for.

    P(play) = examine(slot) · sigmoid(true utility), the position-based model (Craswell et al.,
    2008). can_be_seen: (r, k) slots that reached the member; can_be_played: (n,) items.
    """
    examine = np.arange(1, shown.shape[1] + 1) ** -_EXAMINE_DECAY * can_be_seen
    utility = taste.like(members, shown)
    draws = rng.random(shown.shape)
    clicked = draws < examine * _sigmoid(utility + taste.play_logit + _CLICKS_MORE)
    played = draws < examine * _sigmoid(utility + taste.play_logit)
    browsing = np.flatnonzero(rng.random(len(members)) < _BROWSE_SHARE)
    wanted = taste.browse(members[browsing], rng=rng)
    there = can_be_played[wanted] | (rng.random(len(wanted)) < _NOT_STOCKED)
    parts = [_choices(clicked & ~played, shown, 0), _choices(played, shown, 1)]
    parts.append(Choices(browsing[there], wanted[there], np.full(int(there.sum()), 1)))
    return _joined(parts)


def rank_of_choices(scores: Vectors, *, active: Rows, columns: Rows) -> Floats:
    """Return the rank (1 best) of chosen columns under the members' scores; NaN: not eligible."""
    chosen = scores[active, columns]
    # a block of rows at a time stays in the cache
    better = [
        (scores[active[first : first + _BLOCK]] > chosen[first : first + _BLOCK, None]).sum(axis=1)
        for first in range(0, len(active), _BLOCK)
    ]
    ranks = 1.0 + np.concatenate([np.empty(0), *better])
    return np.where(np.isneginf(chosen), np.nan, ranks)


def count_plays(choices: Choices, *, n_items: int) -> Floats:
    """Return the day's plays by item, (n,)."""
    played = choices.items[choices.kinds == 1]
    return np.bincount(played, minlength=n_items).astype(np.float64)


def _choices(happened: Mask, shown: Rows, kind: int) -> Choices:
    rows, slots = np.nonzero(happened)
    return Choices(rows, shown[rows, slots], np.full(len(rows), kind))


def _joined(parts: list[Choices]) -> Choices:
    requests, items, kinds = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("requests", "items", "kinds")
    )
    order = np.argsort(requests, kind="stable")
    return Choices(requests[order], items[order], kinds[order])


def _sigmoid(logits: Vectors) -> Floats:
    probabilities: Floats = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return probabilities
