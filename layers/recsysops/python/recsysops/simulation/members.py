"""A made-up world whose truth is known: who would click what, and how position hides it.

P(click) = examine(position) · relevance(member, item), the position-based model (Craswell,
Zoeter, Taylor, Ramsey, "An experimental comparison of click position-bias models", 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadInput
from recsysops.model.interactions import SECONDS_PER_DAY, Interactions, make_interactions
from recsysops.simulation.made_up_items import GENRES, LANGUAGES_SPOKEN, make_items
from recsysops.vocabulary import ItemFeatures

EXAMINE_DECAY = 0.6
_BASE_LOGIT = -1.6
_HISTORY_DAYS = 60
_TYPICAL_PLAYS = 40
_PICKINESS = 1.5
_LATENT = 4


@dataclass(frozen=True, slots=True)
class Truth:
    """What nobody but the simulator knows, as logits.

    base: (n_items,) quality; tastes: (n_members, k) and traits: (n_items, k), whose product is
    the affinity to genres, languages, age and four hidden directions.
    """

    base: NDArray[np.float64]
    tastes: NDArray[np.float64]
    traits: NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedWorld:
    """Members, items, a history to train on, and the true probability of every click.

    >>> world = SimulatedWorld(seed=1, n_members=30, n_items=50)
    >>> clicks = world.sample_clicks(np.random.default_rng(2), "m-0003", ["i-0007", "i-0001"])
    >>> clicks.shape
    (2,)
    """

    seed: int
    n_members: int
    n_items: int
    end: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    items: tuple[ItemFeatures, ...] = field(init=False, repr=False)
    member_ids: tuple[str, ...] = field(init=False, repr=False)
    interactions: Interactions = field(init=False, repr=False)
    truth: Truth = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 20])
        items = make_items(self.n_items, batch=self.end.date(), rng=rng)
        members = tuple(f"m-{number:04d}" for number in range(self.n_members))
        truth = _draw_truth(items, n_members=self.n_members, rng=rng)
        made = {"items": items, "member_ids": members, "truth": truth}
        for name, value in made.items():
            object.__setattr__(self, name, value)  # the only writes of a frozen instance
        object.__setattr__(self, "interactions", _draw_history(self, rng=rng))

    def relevance(self, members: Sequence[str], items: Sequence[str]) -> NDArray[np.float64]:
        """Return P(click | examined), (len(members), len(items)), each in (0, 1).

        Raises: BadInput naming an id that is not of this world.
        """
        rows, columns = self._member_rows(members), self._item_rows(items)
        logits = self.truth.tastes[rows] @ self.truth.traits[columns].T
        probabilities: NDArray[np.float64] = 1.0 / (
            1.0 + np.exp(-(_BASE_LOGIT + self.truth.base[columns] + logits))
        )
        return probabilities

    def click_probabilities(self, member: str, shown: Sequence[str]) -> NDArray[np.float64]:
        """Return the true probability of a click per slot of a slate, best position first."""
        probabilities: NDArray[np.float64] = (
            examine_probability(np.arange(1, len(shown) + 1)) * self.relevance([member], shown)[0]
        )
        return probabilities

    def sample_clicks(
        self, rng: np.random.Generator, member: str, shown: Sequence[str]
    ) -> NDArray[np.bool_]:
        """Draw whether each slot of a slate is clicked, (len(shown),); slots are independent."""
        clicks: NDArray[np.bool_] = rng.random(len(shown)) < self.click_probabilities(member, shown)
        return clicks

    def _member_rows(self, members: Sequence[str]) -> list[int]:
        return [_number_of(member, "m-", self.n_members) for member in members]

    def _item_rows(self, items: Sequence[str]) -> list[int]:
        return [_number_of(item, "i-", self.n_items) for item in items]


def examine_probability(positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return P(a slot is looked at) for 1-based positions: position^-0.6, 1 at the top."""
    return positions.astype(np.float64) ** -EXAMINE_DECAY


def _draw_truth(
    items: Sequence[ItemFeatures], *, n_members: int, rng: np.random.Generator
) -> Truth:
    traits = np.hstack([_content_traits(items), rng.normal(size=(len(items), _LATENT))])
    widths = (len(GENRES), len(LANGUAGES_SPOKEN), 1, _LATENT)
    spreads = np.repeat([1.2, 0.5, 0.4, 0.35], widths)
    tastes = rng.normal(size=(n_members, len(spreads))) * spreads
    first_language = len(GENRES)
    favourite = rng.choice(len(LANGUAGES_SPOKEN), size=n_members)
    tastes[np.arange(n_members), first_language + favourite] += 1.5
    return Truth(base=rng.normal(scale=0.8, size=len(items)), tastes=tastes, traits=traits)


def _content_traits(items: Sequence[ItemFeatures]) -> NDArray[np.float64]:
    rows = [
        [
            *((genre in item.genres) / len(item.genres) for genre in GENRES),
            *(float(item.language == language) for language in LANGUAGES_SPOKEN),
            ((item.year or 2000) - 2000) / 15.0,
        ]
        for item in items
    ]
    return np.array(rows, dtype=np.float64)


def _draw_history(world: SimulatedWorld, *, rng: np.random.Generator) -> Interactions:
    """Let every member pick items without repeats, more relevant ones more often."""
    ids = [item.item_id for item in world.items]
    relevance = world.relevance(world.member_ids, ids)
    wishes = _PICKINESS * np.log(relevance) + rng.gumbel(size=relevance.shape)
    plays = rng.lognormal(np.log(_TYPICAL_PLAYS), 0.5, size=world.n_members).astype(np.int64)
    plays = np.clip(plays, 3, max(3, world.n_items // 2))
    order = np.argsort(-wishes, axis=1)
    picked = [(m, i) for m, row in enumerate(order) for i in row[: plays[m]].tolist()]
    start = (world.end - timedelta(days=_HISTORY_DAYS)).timestamp()
    times = start + np.floor(rng.random(len(picked)) * _HISTORY_DAYS * SECONDS_PER_DAY)
    return make_interactions(
        members=[world.member_ids[member] for member, _ in picked],
        items=[ids[item] for _, item in picked],
        times=times,
        values=np.ones(len(picked), dtype=np.float32),
        item_ids=ids,
    )


def _number_of(identity: str, prefix: str, count: int) -> int:
    number = identity.removeprefix(prefix)
    if not identity.startswith(prefix) or not number.isdigit() or int(number) >= count:
        raise BadInput(f"{identity!r} is not of this world; it has {prefix}0000 to {count - 1:04d}")
    return int(number)
