"""A world of the gauntlet: a catalogue, members with true tastes, and how they behave.

What stands here is the truth of a seed. Days are made from it (day.py), models learn it with
noise (linear_model.py), faults never touch it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

import numpy as np

from recsysops.simulation.gauntlet.columns import Column, Columns, Floats, Rows, Vectors, as_texts
from recsysops.vocabulary import HASH_GROUPS

WorldKind = Literal["simulated", "movielens"]

SURFACES = ("home", "search", "item")
COUNTRIES = ("us", "de", "fr", "jp", "in")
N_UPCOMING = 250
"""Items at the end of the list that launch one by one from the first day on."""
LAUNCHES_PER_DAY = 3
ROLL_OUT_SHARE = 0.1
"""Members on a second export of the same model, and as many in its control."""
FIRST_MONDAY = date(2026, 1, 5)
"""Worlds begin on some day of this week, so that a week opens on any weekday."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What content can be encoded: genres, year knots (ascending), languages."""

    genres: tuple[str, ...]
    year_knots: tuple[float, ...]
    languages: tuple[str, ...]

    @property
    def widths(self) -> tuple[int, int, int]:
        """Columns of the content blocks genre, year, language."""
        return len(self.genres), len(self.year_knots), len(self.languages)


@dataclass(frozen=True, eq=False)
class World:
    """The truth of one seed.

    items: item_id, item_group, title, genres, year, language, price, in_stock, source,
    launch_day (ordinal, 0 long ago), quality (logit): n rows in order of item_id.
    members: pseudonym, group, country, known, activity (Σ = 1), cluster: m rows.
    tastes: (m, d) true affinities to the content columns; latent_tastes: (m, c) and latent: (n, c)
    to what no feature tells. plays: (n,) decayed plays on the first day. histories: real choices
    of a member as (offsets (m + 1,), item rows), or None where choices follow the tastes.
    play_logit: added to the true utility of what is shown.
    """

    kind: WorldKind
    seed: int
    vocabulary: Vocabulary
    items: Columns
    members: Columns
    tastes: Vectors
    latent_tastes: Vectors
    latent: Vectors
    plays: Floats
    histories: tuple[Rows, Rows] | None = None
    play_logit: float = -5.8
    requests_per_day: int = 21_000
    growth_per_day: float = 0.003
    weekend: float = 1.15
    first_day: date = field(init=False)

    def __post_init__(self) -> None:
        # the only write of a frozen instance
        object.__setattr__(self, "first_day", FIRST_MONDAY + timedelta(days=self.seed % 7))

    @property
    def item_ids(self) -> Column:
        """Ids of all items, launched or not."""
        return self.items["item_id"]

    def date_of(self, day: int) -> date:
        """Return the date of a day of the world, the first is 0."""
        return self.first_day + timedelta(days=day)

    def rng(self, *stream: int) -> np.random.Generator:
        """Return the generator of one purpose: a fault never moves the draws of another one."""
        return np.random.default_rng([self.seed, 70, *stream])

    @cached_property
    def roll_out_arms(self) -> Column:
        """Return each member's arm of the standing roll-out: canary, control or None, (m,)."""
        unit = self.rng(41).random(len(self.members["group"]))  # stands in for the stable hash
        places = np.minimum((unit / ROLL_OUT_SHARE).astype(np.intp), 2)
        return as_texts(["canary", "control", None])[places]

    @cached_property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """What a fault may pick by column: values neither rare nor most of all rows."""
        items = self.items
        return {
            "language": _middling(items["language"]),
            "source": _middling(items["source"]),
            "genres": _middling(np.concatenate([np.array(one) for one in items["genres"] if one])),
            "country": _middling(self.members["country"]),
            "surface": SURFACES[1:],
        }


def _middling(column: Column) -> tuple[str, ...]:
    """Return values with 6 to 45 % of the rows, ascending."""
    values, counts = np.unique(
        np.array([value for value in column if value is not None]), return_counts=True
    )
    shares = counts / counts.sum()
    return tuple(str(value) for value in values[(shares >= 0.06) & (shares <= 0.45)])


def make_members(
    count: int, *, clusters: int, unknown_share: float, rng: np.random.Generator
) -> Columns:
    """Draw members: pseudonyms, hash groups, countries, heavy-tailed activity, taste clusters."""
    activity = rng.gamma(0.9, 1.0, size=count) + 0.02
    activity = np.minimum(activity, 8.0 * activity.mean())
    names = np.empty(count, dtype=object)
    names[:] = [f"p{rng.integers(2**60):015x}" for _ in range(count)]
    shares = np.array([0.34, 0.2, 0.18, 0.16, 0.12])
    country = np.array(COUNTRIES, dtype=object)[rng.choice(len(COUNTRIES), size=count, p=shares)]
    return {
        "pseudonym": names,
        "group": rng.integers(HASH_GROUPS, size=count),
        "country": country,
        "known": rng.random(count) >= unknown_share,
        "activity": activity / activity.sum(),
        "cluster": rng.integers(clusters, size=count),
    }


def launch_items(world: World) -> None:
    """Give the last items launch days, three a day from the world's first day on."""
    launch_day = world.items["launch_day"]
    upcoming = np.arange(len(launch_day) - N_UPCOMING, len(launch_day))
    launch_day[upcoming] = world.first_day.toordinal() + np.arange(N_UPCOMING) // LAUNCHES_PER_DAY
    world.plays[upcoming] = 0.0
