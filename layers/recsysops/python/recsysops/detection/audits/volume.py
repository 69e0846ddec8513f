"""Do as many requests come as at this hour of the week, everywhere they come from?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, lru_cache, partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.thresholds import VOLUME_FLOOR, VOLUME_HOUR_FLOOR, VOLUME_LEAST
from recsysops.errors import CouldNotJudge
from recsysops.statistics.rates import compare_rates, estimate_dispersion
from recsysops.statistics.seasons import (
    HOURS_OF_WEEK,
    LEAST_WEEKS,
    Profile,
    hours_by_week,
    season_weights,
    typical_week,
    week_dispersion,
    week_hours,
)
from recsysops.statistics.shares import Weighted
from recsysops.statistics.student import Floats
from recsysops.vocabulary import HASH_GROUPS

Hours: TypeAlias = NDArray[np.intp]

TABLES = """
requests AS (
  SELECT DISTINCT request_id, {period} AS period, member_group, surface,
    country,
    date_diff('hour', timestamp '1970-01-05 00:00:00', event_time) AS hour
  FROM slim_requests
  WHERE {in_periods}
),
hourly AS (
  SELECT period, member_group, surface, country, hour, count(*) AS n
  FROM requests
  GROUP BY period, member_group, surface, country, hour
),
counts AS (
  SELECT period, slice, 'requests=' || CAST(hour AS varchar) AS label, member_group AS grp, n
  FROM hourly
  CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface, 'country=' || country]) AS s(slice)
  WHERE slice IS NOT NULL
)"""
# distinct, because a log line that was delivered twice is still one request; hours are counted
# from a Monday on, so that weeks can be told apart

_FLOORS: Final[Mapping[str, float]] = {
    # weekends are in the expectation; a week of growth by 2 % a day is log 1.15
    "requests": VOLUME_FLOOR,
    # one hour of a day of 1,200 requests holds 50 of them
    "requests.hour": VOLUME_HOUR_FLOOR,
    # of the slice's share of the requests, which growth leaves alone; day_volume sees less
    "request_share": VOLUME_HOUR_FLOOR,
}
_LEAST_OUTSIDE = 0.2
"""A slice is held against the rest when that is this share of everything; the rest is unchanged
when it moved by less than this share of what the slice did."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class _History:
    """The reference's weeks: the first one's number, and the hours seen in each, (w, 168)."""

    first_week: int
    seen: Floats
    _typical: dict[Distribution, Floats] = field(default_factory=dict)
    """What was counted of a distribution is asked for many times in one judgement."""

    def before(self, found: Distribution) -> Floats:
        """Return the reference's typical counts, (168, 32)."""
        if found not in self._typical:
            self._typical[found] = typical_week(self.by_week(found), self.seen)[0]
        return self._typical[found]

    @cached_property
    def observed(self) -> Floats:
        """Over how many hours the typical counts are, (168,)."""
        return typical_week(np.zeros((*self.seen.shape, 1)), self.seen)[1]

    def dispersion(self, found: Distribution) -> float:
        """Return how much more than Poisson the hours of the week vary from week to week."""
        return week_dispersion(self.by_week(found).sum(axis=2), self.seen)

    def by_week(self, found: Distribution) -> Floats:
        """Return the reference's counts by week, hour of the week and hash group, (w, 168, 32)."""
        counts = np.zeros((self.seen.size, HASH_GROUPS))
        places = _hours_of(found.cells) - self.first_week * HOURS_OF_WEEK
        here = (places >= 0) & (places < len(counts))
        counts[places[here]] = found.reference.groups[here]
        return counts.reshape(*self.seen.shape, HASH_GROUPS)

    def describe(self) -> str:
        """Return how several weeks are made one."""
        weeks = int((self.seen >= 1.0).sum(axis=0).max(initial=0))
        if weeks < 2:
            return ""
        return f", {'median' if weeks >= LEAST_WEEKS else 'mean'} of {weeks} weeks"


@dataclass(frozen=True, eq=False)
class _Counts:
    """One slice's requests by hash group, (32,): as expected, as they came.

    used: how many of the reference's the expectation rests on.
    """

    expected: Floats
    arrived: Floats
    used: float

    @cached_property
    def totals(self) -> tuple[float, float]:
        """Requests expected and arrived."""
        return float(self.expected.sum()), float(self.arrived.sum())


@dataclass(frozen=True, slots=True)
class _Expectation:
    """How a window's counts by hour of week follow from the reference's.

    weights: (168,), see season_weights. asked: hours of the window in each hour of the week.
    """

    history: _History
    weights: Floats
    asked: Floats
    profile: Profile

    def expected(self, counts: Floats) -> Floats:
        """Return what the window should hold, from reference counts (168, …)."""
        total: Floats = self.weights @ counts
        return total

    def used(self, counts: Floats) -> Floats:
        """Return the reference's counts that the expectation rests on."""
        total: Floats = counts[self.weights > 0].sum(axis=0)
        return total

    def count(self, found: Distribution) -> _Counts:
        """Return what a slice should hold, and what it does."""
        before = self.history.before(found)
        used = float(self.used(before).sum())
        return _Counts(self.expected(before), found.window.whole, used)


def judge_volume(
    distributions: Sequence[Distribution], context: AuditContext, *, floors: Mapping[str, float]
) -> list[Check]:
    """Test all requests by rate, over the window and hour by hour, and slices by their share.

    Where one slice accounts for the whole's change the slice is told, not the whole.
    """
    whole = next((found for found in distributions if not found.slice), None)
    if whole is None or not whole.reference.rows.sum():
        raise CouldNotJudge("could not judge, because the reference has no requests")
    history = _History(*hours_by_week(context.reference_start, context.reference_end))
    season = _expectation(history, week_hours(context.window_start, context.window_end))
    everything = season.count(whole)
    slices = [(found, season.count(found)) for found in distributions if found.slice]
    least = floors["request_share"]
    checks = _slice_checks(slices, everything, floor=least)
    if any(
        _accounts_for_all(counts.totals, everything.totals, least=least) for _, counts in slices
    ):
        return checks
    now = _by_hour(whole)
    told = _rate_checks(whole, season, now=now, floor=floors["requests"])
    if "requests.hour" not in floors:
        return [*told, *checks]
    floor = floors["requests.hour"]
    hours = _hour_checks(whole, history=history, now=now, context=context, floor=floor)
    return [*told, *hours, *checks]


def _accounts_for_all(
    inside: tuple[float, float], everything: tuple[float, float], *, least: float
) -> bool:
    """Tell whether the slice changed and everything outside it did not."""
    outside = everything[0] - inside[0], everything[1] - inside[1]
    if outside[0] < max(VOLUME_LEAST, _LEAST_OUTSIDE * everything[0]):
        return False  # too little to be a measure of what is usual
    moved = abs(_log_ratio(*inside))
    return moved >= least and abs(_log_ratio(*outside)) < moved * _LEAST_OUTSIDE


def _log_ratio(expected: float, arrived: float) -> float:
    return math.log((arrived + 0.5) / (expected + 0.5))


def _expectation(history: _History, asked: Floats) -> _Expectation:
    weights, profile = season_weights(history.observed, asked)
    return _Expectation(history, weights, asked, profile)


def _hour_checks(
    whole: Distribution, *, history: _History, now: Floats, context: AuditContext, floor: float
) -> Iterator[Check]:
    """Test the whole hours of a window of up to a week one by one."""
    length = context.window_end - context.window_start
    if not timedelta(hours=1) < length <= timedelta(days=7):
        return
    for hour in np.flatnonzero(week_hours(context.window_start, context.window_end) == 1.0):
        only = np.where(np.arange(HOURS_OF_WEEK) == hour, 1.0, 0.0)
        name = f"{_DAYS[hour // 24]} {hour % 24:02d}:00"
        season = _expectation(history, only)
        yield from _rate_checks(whole, season, now=now, floor=floor, hour=name)


def _rate_checks(
    found: Distribution, season: _Expectation, *, now: Floats, floor: float, hour: str = ""
) -> Iterator[Check]:
    """Test the window's counts by hour of the week and group, `now` (168, 32)."""
    before = season.history.before(found)
    expected = float(season.expected(before).sum())
    arrived = now[season.asked > 0].sum(axis=0)
    if max(expected, arrived.sum()) < VOLUME_LEAST:
        return
    used = season.used(before)
    spreads = estimate_dispersion(used), estimate_dispersion(arrived)
    change = compare_rates(
        np.array([used.sum()]),
        np.array([arrived.sum()]),
        exposure_ratio=expected / max(float(used.sum()), 1e-12) or 1.0,
        dispersion=max(*spreads, season.history.dispersion(found)),
    )
    yield Check(
        metric="requests",
        subject="requests",
        slice={"hour": hour} if hour else {},
        baseline=expected,
        observed=float(arrived.sum()),
        effect=abs(_log_ratio(expected, float(arrived.sum()))),
        effect_floor=floor,
        p_value=float(change.p_value[0]),
        nested=bool(hour),
        evidence={"expected_from": f"{season.profile} of the reference{season.history.describe()}"},
    )


def _slice_checks(
    slices: Sequence[tuple[Distribution, _Counts]], everything: _Counts, *, floor: float
) -> list[Check]:
    """Test each slice's share of all requests against its share at the same hours before.

    A slice without a past is left out: log_schema tells of values that nobody ever sent.
    """
    totals = everything.totals
    if min(totals) < VOLUME_LEAST:
        return []  # without requests there are no shares; the whole says so
    told = [
        (found, counts)
        for found, counts in slices
        if counts.totals[0] > 0
        and max(counts.totals[0] / totals[0] * totals[1], counts.totals[1]) >= VOLUME_LEAST
    ]
    changes = share_changes([_shares_of(counts, everything) for _, counts in told])
    return [
        _slice_check(found, change.p_value, counts.totals, totals=totals, floor=floor)
        for (found, counts), change in zip(told, changes, strict=True)
    ]


def _slice_check(
    found: Distribution,
    p_value: float,
    counts: Sequence[float],
    *,
    totals: Sequence[float],
    floor: float,
) -> Check:
    before, now = ((part + 0.5) / (whole + 0.5) for part, whole in zip(counts, totals, strict=True))
    return Check(
        metric="request_share",
        subject="requests",
        slice=found.slice,
        baseline=counts[0] / totals[0],
        observed=counts[1] / totals[1],
        effect=abs(math.log(now / before)),
        effect_floor=floor,
        p_value=p_value,
        nested=True,
        evidence={"requests": counts[1], "expected": counts[0] / totals[0] * totals[1]},
    )


def _shares_of(part: _Counts, whole: _Counts) -> tuple[Weighted, Weighted]:
    return (
        Weighted(part.expected, whole.expected, whole.used),
        Weighted(part.arrived, whole.arrived, whole.totals[1]),
    )


def _by_hour(found: Distribution) -> Floats:
    """Return the window's counts as (168, 32): hour of the week by hash group."""
    counts = np.zeros((HOURS_OF_WEEK, HASH_GROUPS))
    np.add.at(counts, _hours_of(found.cells) % HOURS_OF_WEEK, found.window.groups)
    return counts


@lru_cache(maxsize=64)
def _hours_of(cells: tuple[str, ...]) -> Hours:
    """Return hours by cell; slices of one window have the same ones."""
    return np.array([int(cell) for cell in cells], dtype=np.intp)


EXPLAINED_BY: Final = (
    Root("log_schema"),
    Root("log_loss", root_subjects=("slim_requests",)),
    Root("member_concentration"),
    # an hour sees the requests come and go; the day sees that its clock was turned
    Root("event_clock", root_metrics=("clock_shift",), same_slice=True),
    Root("event_clock", root_metrics=("late_rows_share", "future_rows_share")),
)
AUDIT = Audit(
    name="volume",
    question="Do as many requests come as at this hour of the week, everywhere they come from?",
    component="traffic",
    severity="critical",
    owner="serving",
    runbook="Look at the API's alarms and at what changed upstream of it.",
    tables=TABLES,
    judge=partial(judge_volume, floors=_FLOORS),
    every="hour",
    baseline="seasonal",
    test="Quasi-Poisson rates against the median week, dispersion from member groups and weeks",
    floors=_FLOORS,
    slices=("hour", "surface", "country"),
    depth=1,
    explained_by=EXPLAINED_BY,
)
