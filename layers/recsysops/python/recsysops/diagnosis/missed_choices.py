"""Which choices we ranked low or not at all, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LOW_PERCENTILE = 0.2
"""A choice is missed when it was ranked below the best fifth, or was no candidate."""
LEAST_MISSED = 5
_AGES = ((2, "new"), (10, "recent"), (30, "older"))


@dataclass(frozen=True, slots=True)
class RankedChoice:
    """One choice with its rank and what is known of its item.

    rank: 1 is best, None when it was not among the candidates. popularity: percentile of the
    item in its snapshot, 1 is the most popular, None when the snapshot lacks the item.
    """

    request_id: str
    item_id: str
    title: str
    surface: str
    rank: int | None
    eligible_count: int
    weight: float
    genres: tuple[str, ...] = ()
    language: str | None = None
    source: str | None = None
    age_years: int | None = None
    popularity: float | None = None

    @property
    def is_missed(self) -> bool:
        """It was no candidate, or ranked below the best fifth."""
        return self.rank is None or self.rank > LOW_PERCENTILE * self.eligible_count

    def traits(self) -> frozenset[str]:
        """Return what the choice could have in common with others.

        >>> sorted(RankedChoice("r", "i", "t", "home", 9, 10, 1.0, language="ja").traits())
        ['age=unknown', 'candidate=yes', 'language=ja', 'popularity=unknown', 'source=unknown']
        """
        return frozenset(
            [
                *(f"genre={genre}" for genre in self.genres),
                f"language={self.language or 'unknown'}",
                f"source={self.source or 'unknown'}",
                f"age={_name_age(self.age_years)}",
                f"popularity={_name_popularity(self.popularity)}",
                f"candidate={'no' if self.rank is None else 'yes'}",
            ]
        )


@dataclass(frozen=True, slots=True)
class MissedCluster:
    """Missed choices that share traits.

    missed and chosen are weighted counts. miss_rate: of the choices with these traits; lift: over
    the rate of all choices. examples: request id, item id and title of some.
    """

    traits: tuple[str, ...]
    missed: float
    chosen: float
    miss_rate: float
    lift: float
    examples: tuple[tuple[str, str, str], ...]


def cluster_missed_choices(
    choices: Sequence[RankedChoice], *, most: int = 8, width: int = 2
) -> list[MissedCluster]:
    """Cover the missed choices greedily by traits (one or `width` together), best excess first.

    Excess is how many more of the choices with the traits were missed than of choices at large;
    what a cluster covers counts for no other. The last cluster, without traits, is the rest.
    """
    missed = [choice for choice in choices if choice.is_missed]
    chosen = sum(choice.weight for choice in choices)
    if not missed:
        return []
    usual = sum(choice.weight for choice in missed) / chosen
    groups = _by_traits(choices, width=width)
    left, clusters = set(map(id, missed)), list[MissedCluster]()
    while len(clusters) < most:
        best = max(groups, key=lambda traits: _excess(groups[traits], left, usual), default=None)
        if best is None or _excess(groups[best], left, usual) < LEAST_MISSED:
            break
        members = groups.pop(best)
        clusters.append(_describe(best, members, usual=usual))
        left -= set(map(id, members))
    rest = [choice for choice in missed if id(choice) in left]
    return [*clusters, *([_describe((), rest, usual=usual)] if rest else [])]


def _by_traits(
    choices: Iterable[RankedChoice], *, width: int
) -> dict[tuple[str, ...], list[RankedChoice]]:
    told = [(choice, sorted(choice.traits() - {"candidate=yes"})) for choice in choices]
    common = Counter(trait for choice, traits in told if choice.is_missed for trait in traits)
    groups: dict[tuple[str, ...], list[RankedChoice]] = {}
    for choice, traits in told:
        kept = [trait for trait in traits if common[trait] >= LEAST_MISSED]
        for trait in kept:
            groups.setdefault((trait,), []).append(choice)
        for first, trait in enumerate(kept if width > 1 else ()):
            for other in kept[first + 1 :]:
                groups.setdefault((trait, other), []).append(choice)
    return groups


def _excess(members: Sequence[RankedChoice], left: set[int], usual: float) -> float:
    missed = sum(choice.weight for choice in members if id(choice) in left)
    return missed - usual * sum(choice.weight for choice in members)


def _describe(
    traits: tuple[str, ...], members: Sequence[RankedChoice], *, usual: float
) -> MissedCluster:
    missed = [choice for choice in members if choice.is_missed]
    chosen = sum(choice.weight for choice in members)
    weight = sum(choice.weight for choice in missed)
    return MissedCluster(
        traits=traits,
        missed=weight,
        chosen=chosen,
        miss_rate=weight / chosen,
        lift=weight / chosen / usual,
        examples=tuple((c.request_id, c.item_id, c.title) for c in missed[:3]),
    )


def _name_age(years: int | None) -> str:
    if years is None:
        return "unknown"
    return next((name for below, name in _AGES if years < below), "old")


def _name_popularity(percentile: float | None) -> str:
    if percentile is None:
        return "unknown"
    return "head" if percentile >= 0.9 else "middle" if percentile >= 0.5 else "tail"
