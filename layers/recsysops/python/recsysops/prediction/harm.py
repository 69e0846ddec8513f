"""Which upcoming launches their metadata will harm, judged by effect on the forecast.

An edit or an odd value is only a suspicion. It becomes a flag when the forecast with the metadata
put right (the last good version, or what peers have) beats the forecast as delivered by enough,
after weighing how likely the value is wrong and how likely it will still stand after launch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float64Array
from recsysops.prediction.peers import (
    SCORED_FEATURES,
    PeerTable,
    ScoredFeature,
    agreeing_share,
    count_agreeing,
    find_peers,
    has_feature,
)
from recsysops.vocabulary import ItemFeatures, UpcomingLaunch

HARM_FLOOR = 0.03
"""A launch is harmed when at least this share of the panel misses it for its metadata."""

FLAG_PROBABILITY = 0.25
"""Flag when harm is at least this likely, while too few forecasts were made to do better."""

EXPECTED_PRECISION = 0.62
"""How often flags shall be right. Set on seeds 0-9 of the base world, where it leaves flags as far
above the precision promised (0.5) as above the recall promised (0.4)."""

_FEWEST_SUSPECTS = 50
_SUSPECT = 0.02

WRONG_RATE = 0.04
"""How often a value is wrong when a supplier's record says nothing yet."""

STANDING_RATE = 0.7
"""How often a wrong value standing a week before launch still stands a week after it."""

MISSING = "missing"

_VOTES = 12
_WORTH_TESTING = 0.1
_SURE = 0.9
_CHANCE_AGREEMENT = {"language": 0.12, "year": 0.1, "genres": 0.35}

SuspicionKind = Literal["missing", "lost", "changed", "unlike peers"]
ShareOf = Callable[[ItemFeatures, ItemFeatures], Float64Array]
"""Forecast shares of a launch scored with the first metadata if the second are the truth that
its plays follow, at quantiles of those plays."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One feature that may be wrong, with what putting it right would change.

    wrong: probability that the value is wrong; standing: that it still stands a week after
    launch, if wrong; hurts: that at least HARM_FLOOR of the panel is lost, if it stands; shares
    are means over what the first week may bring.
    """

    feature: ScoredFeature
    kind: SuspicionKind
    value: str
    expected: str
    peer_count: int
    agreeing: int
    wrong: float
    standing: float
    hurts: float
    delivered_share: float
    corrected_share: float

    @property
    def harm_probability(self) -> float:
        """Probability that the launch is harmed by this feature."""
        return self.wrong * self.standing * self.hurts

    def describe(self) -> str:
        """Name feature, value, what peers have, and the effect, in one line."""
        effect = f"forecast {self.delivered_share:.3f}, put right {self.corrected_share:.3f}"
        agree = f"{self.agreeing} of {self.peer_count} peers agree"
        if self.kind == "missing":
            return f"{self.feature} is missing; most peers have {self.expected}; {effect}"
        if self.kind == "lost":
            return f"{self.feature} got lost, it was {self.expected}; {effect}"
        if self.kind == "changed":
            return f"{self.feature} changed from {self.expected} to {self.value}; {agree}; {effect}"
        odd = f"{self.feature} is {self.value}, unlike its peers: {agree}"
        return f"{odd}, most have {self.expected}; {effect}"


@dataclass(frozen=True, slots=True)
class SupplierRecord:
    """How careful suppliers are, as (hits, cases) each, shrunk towards what is usual.

    wrong: values that were missing or changed around launch, of all scored values. standing:
    values certainly wrong a week before launch that still stood a week after it.
    """

    wrong: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    standing: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def wrong_rate(self, source: str) -> float:
        """Return the chance that a value delivered by a supplier is wrong."""
        return _shrunk(self.wrong.get(source), WRONG_RATE, weight=30.0)

    def standing_rate(self, source: str) -> float:
        """Return the chance that a wrong value is not repaired in the two weeks around launch."""
        overall = _shrunk(_total(self.standing), STANDING_RATE, weight=10.0)
        return _shrunk(self.standing.get(source), overall, weight=10.0)


@dataclass(frozen=True, slots=True)
class MetadataTrack:
    """One past launch: metadata a week before, metadata a week after, what was suspected."""

    before: ItemFeatures
    after: ItemFeatures
    suspicions: tuple[Suspicion, ...] = ()


def learn_supplier_record(tracks: Iterable[MetadataTrack]) -> SupplierRecord:
    """Count, per supplier, values missing or changed around launch, and errors left standing.

    Careless suppliers leave out and mistype alike, and only what is left out shows for certain:
    so one rate over all features tells more than one per feature.
    """
    wrong: dict[str, tuple[float, float]] = {}
    standing: dict[str, tuple[float, float]] = {}
    for track in tracks:
        source = track.before.source
        for feature in SCORED_FEATURES:
            before, after = value_of(track.before, feature), value_of(track.after, feature)
            _count(wrong, source, hit=before == MISSING or before != after)
            # only near-certain errors tell how fast a supplier repairs: a right value never moves
            if before == MISSING or feature in _surely_wrong(track):
                _count(standing, source, hit=before == after)
    return SupplierRecord(wrong, standing)


def suspect_metadata(
    launch: UpcomingLaunch, *, peers: PeerTable, share_of: ShareOf, record: SupplierRecord
) -> tuple[Suspicion, ...]:
    """Return what may be wrong with a launch, likeliest harm first.

    Args:
        launch: the item as delivered and its earlier versions.
        peers: launched and upcoming items.
        share_of: forecasts the launch under given metadata (a re-scored dry run).
        record: what became of earlier suspicions.
    """
    found = []
    for feature in SCORED_FEATURES:
        suspicion = _suspect_feature(launch, feature, peers, share_of, record)
        if suspicion is not None:
            found.append(suspicion)
    return tuple(sorted(found, key=lambda suspicion: -suspicion.harm_probability))


def flag_launch(
    suspicions: Sequence[Suspicion], probability: float = FLAG_PROBABILITY
) -> tuple[Suspicion, ...]:
    """Return the suspicions that justify a flag; none means the launch is not flagged.

    Harm must be likely, and mending must be expected to help: metadata that are wrong in the
    launch's favour are no reason to call anybody.
    """
    return tuple(
        found
        for found in suspicions
        if found.harm_probability >= probability and found.corrected_share > found.delivered_share
    )


def harm_probability(suspicions: Sequence[Suspicion]) -> float:
    """Return how likely the likeliest harm is; 0 when nothing is suspected."""
    return max((found.harm_probability for found in suspicions), default=0.0)


def choose_flag_level(
    past: Sequence[float], *, expected_precision: float = EXPECTED_PRECISION
) -> float:
    """Return the lowest probability from which on past forecasts expect to be right often enough.

    A world of careless suppliers or of quiet markets has more likely harms than another, so no
    fixed level keeps its promise in both; the mean probability of what would have been flagged
    does. Few suspects (below 50) leave FLAG_PROBABILITY; 1.0 when even the likeliest fall short.

    Args:
        past: probabilities of harm of earlier forecasts, any order.
        expected_precision: mean probability that flags shall have.
    """
    suspects = np.sort([value for value in past if value >= _SUSPECT])[::-1]
    if len(suspects) < _FEWEST_SUSPECTS:
        return FLAG_PROBABILITY
    means = np.cumsum(suspects) / np.arange(1, len(suspects) + 1)
    last_of_equals = np.append(suspects[1:] < suspects[:-1], True)
    enough = np.flatnonzero((means >= expected_precision) & last_of_equals)
    return float(suspects[enough[-1]]) if len(enough) else 1.0


def is_harm(corrected: Float64Array, delivered: Float64Array) -> NDArray[np.bool_]:
    """Say where the right metadata would win at least HARM_FLOOR of the panel, elementwise.

    Shares are whole numbers of members: the tolerance is for their division only.
    """
    harmed: NDArray[np.bool_] = corrected - delivered >= HARM_FLOOR - 1e-9
    return harmed


def value_of(item: ItemFeatures, feature: ScoredFeature) -> str:
    """Return a feature's value as text, MISSING when there is none."""
    if not has_feature(item, feature):
        return MISSING
    return "|".join(item.genres) if feature == "genres" else str(getattr(item, feature))


def copy_feature(item: ItemFeatures, donor: ItemFeatures, feature: ScoredFeature) -> ItemFeatures:
    """Return the item with one feature taken from another."""
    if feature == "genres":
        return replace(item, genres=donor.genres)
    if feature == "year":
        return replace(item, year=donor.year)
    return replace(item, language=donor.language)


def _suspect_feature(
    launch: UpcomingLaunch,
    feature: ScoredFeature,
    peers: PeerTable,
    share_of: ShareOf,
    record: SupplierRecord,
) -> Suspicion | None:
    comparable = find_peers(peers, launch.item, feature=feature)
    kind, wrong, donors = _accuse(launch, feature, comparable, peers, record)
    if wrong < _WORTH_TESTING or not donors:
        return None
    effect = _weigh_correction(launch.item, feature, donors, share_of)
    return Suspicion(
        feature=feature,
        kind=kind,
        value=value_of(launch.item, feature),
        expected=effect.likeliest,
        peer_count=len(comparable),
        agreeing=count_agreeing(launch.item, comparable, feature=feature),
        wrong=wrong,
        standing=record.standing_rate(launch.item.source),
        hurts=effect.hurts,
        delivered_share=effect.delivered_share,
        corrected_share=effect.corrected_share,
    )


@dataclass(frozen=True, slots=True)
class _Effect:
    likeliest: str
    hurts: float
    delivered_share: float
    corrected_share: float


def _weigh_correction(
    item: ItemFeatures,
    feature: ScoredFeature,
    donors: Sequence[ItemFeatures],
    share_of: ShareOf,
) -> _Effect:
    """Compare the item with each donor's value, weighing values by how many donors have them.

    Members play the item for what it is, so in each case plays follow the corrected metadata.
    """
    votes: dict[str, list[ItemFeatures]] = {}
    for donor in donors:
        votes.setdefault(value_of(donor, feature), []).append(donor)
    hurts = delivered = corrected = 0.0
    for same in votes.values():
        better = copy_feature(item, same[0], feature)
        after, before = share_of(better, better), share_of(item, better)
        weight = len(same) / len(donors)
        hurts += weight * float(is_harm(after, before).mean())
        delivered += weight * float(before.mean())
        corrected += weight * float(after.mean())
    likeliest = max(votes, key=lambda value: len(votes[value]))
    return _Effect(likeliest, hurts, delivered, corrected)


def _accuse(
    launch: UpcomingLaunch,
    feature: ScoredFeature,
    comparable: Sequence[ItemFeatures],
    peers: PeerTable,
    record: SupplierRecord,
) -> tuple[SuspicionKind, float, Sequence[ItemFeatures]]:
    """Return the kind of suspicion, how likely the value is wrong, and who has better ones.

    Wrong against right is weighed by Bayes' rule: a right value agrees with peers as often as
    peers' share of it, a wrong one as often as chance; of two versions, peers vote which is the
    wrong one. Genres that were only added to are taken for a refinement.
    """
    item = launch.item
    votes = comparable[:_VOTES]
    previous = _last_other_value(launch, feature)
    if not has_feature(item, feature):
        return ("missing", 1.0, votes) if previous is None else ("lost", 1.0, [previous])
    support = agreeing_share(peers, item, comparable, feature=feature)
    if previous is not None and feature == "genres" and set(previous.genres) < set(item.genres):
        previous = None
    if previous is not None:
        before = agreeing_share(peers, previous, comparable, feature=feature)
        return "changed", before / (before + support), [previous]
    rate = record.wrong_rate(item.source)
    by_chance = rate * _CHANCE_AGREEMENT[feature]
    return "unlike peers", by_chance / (by_chance + (1.0 - rate) * support), votes


def _last_other_value(launch: UpcomingLaunch, feature: ScoredFeature) -> ItemFeatures | None:
    """Return the newest earlier version that had another, given value of the feature."""
    now = value_of(launch.item, feature)
    for version in reversed(launch.earlier_versions):
        if has_feature(version, feature) and value_of(version, feature) != now:
            return version
    return None


def _surely_wrong(track: MetadataTrack) -> set[ScoredFeature]:
    return {found.feature for found in track.suspicions if found.wrong >= _SURE}


def _count(counts: dict[str, tuple[float, float]], key: str, *, hit: bool) -> None:
    hits, total = counts.get(key, (0.0, 0.0))
    counts[key] = (hits + hit, total + 1.0)


def _total(counts: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    return sum(hits for hits, _ in counts.values()), sum(total for _, total in counts.values())


def _shrunk(counted: tuple[float, float] | None, prior: float, *, weight: float) -> float:
    """Return the share of hits as if `weight` cases at the prior had been seen before."""
    hits, total = counted or (0.0, 0.0)
    return (hits + weight * prior) / (total + weight)
