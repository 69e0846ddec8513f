"""Scores launch forecasts whose outcome is known: error, coverage, flags; a row per claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float64Array
from recsysops.prediction.forecast import LaunchForecast
from recsysops.prediction.harm import HARM_FLOOR, is_harm, value_of
from recsysops.prediction.peers import SCORED_FEATURES
from recsysops.prediction.track_record import ScoredForecast
from recsysops.vocabulary import ItemFeatures

FEWEST_LAUNCHES = 300
LEAST_IMPROVEMENT = 0.30
COVERAGE_LIMITS = (0.85, 0.95)
LEAST_PRECISION, LEAST_RECALL = 0.5, 0.4
_RESAMPLES = 2000
_SHORT_NAMES = {
    "launches after calibration": "launches",
    "improvement on persistence": "improvement",
    "improvement, low end of 95 %": "low end",
    "coverage of 90 % intervals": "coverage",
    f"launches harmed by {HARM_FLOOR:.0%} of the panel or more": "harmed",
    "launches flagged": "flagged",
    "flags: precision": "precision",
    "flags: recall": "recall",
}


@dataclass(frozen=True, slots=True)
class JudgedLaunch:
    """A scored forecast beside the truth. week: world and launch week, the unit of chance."""

    week: str
    scored: ScoredForecast
    made_at: datetime
    correct_share: float
    metadata_after: ItemFeatures

    @property
    def forecast(self) -> LaunchForecast:
        """What was said a week ahead."""
        return self.scored.forecast

    @property
    def is_harmed(self) -> bool:
        """The right metadata would have won at least HARM_FLOOR of the panel."""
        realised = np.array([self.scored.outcome_share])
        return bool(is_harm(np.array([self.correct_share]), realised)[0])

    @property
    def had_begun(self) -> bool:
        """What was wrong a week after launch was so already when the forecast was made."""
        before = self.forecast.launch.item
        return all(
            value_of(before, feature) == value_of(self.metadata_after, feature)
            for feature in SCORED_FEATURES
        )


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One measured claim; `limit` is what it must keep, '' when it is shown only."""

    name: str
    value: float
    limit: str
    ok: bool


@dataclass(frozen=True, slots=True)
class LaunchReport:
    """All claims over all judged launches."""

    rows: tuple[ReportRow, ...]

    @property
    def is_ok(self) -> bool:
        """Every limit is kept."""
        return all(row.ok for row in self.rows)

    def value(self, name: str) -> float:
        """Return one row's value. Raises: KeyError."""
        return {row.name: row.value for row in self.rows}[name]

    def in_brief(self) -> dict[str, object]:
        """Return what has a limit, on one line, and what was missed."""
        known = {row.name: row.value for row in self.rows}
        brief: dict[str, object] = {short: known.get(name) for name, short in _SHORT_NAMES.items()}
        return {**brief, "missed": [row.name for row in self.rows if not row.ok]}

    def to_document(self) -> dict[str, object]:
        """Return JSON-ready values."""
        return {"ok": self.is_ok, "rows": [asdict(row) for row in self.rows]}


def report_launches(judged: Sequence[JudgedLaunch]) -> LaunchReport:
    """Measure all claims; with no launch every limit is missed."""
    rows = [_at_least("launches after calibration", len(judged), FEWEST_LAUNCHES)]
    if judged:
        rows += [*_error_rows(judged), *_coverage_rows(judged), *_flag_rows(judged)]
    return LaunchReport(tuple(rows))


def bootstrap_by_week(
    weeks: Sequence[str],
    statistic: Callable[[NDArray[np.intp]], float],
    *,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic when whole weeks are drawn again.

    statistic: takes positions of the drawn launches, (n,).
    """
    names, week_of = np.unique(np.asarray(weeks), return_inverse=True)
    members = [np.flatnonzero(week_of == number) for number in range(len(names))]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(names), size=(resamples, len(names)))
    values = [statistic(np.concatenate([members[week] for week in row])) for row in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _error_rows(judged: Sequence[JudgedLaunch]) -> list[ReportRow]:
    share = _column(judged, lambda one: one.scored.outcome_share)
    dry = np.abs(_column(judged, lambda one: one.forecast.dry_run.share) - share)
    shadow = np.abs(_column(judged, lambda one: one.scored.shadow_share) - share)
    peers = np.abs(_peers_at_launch(judged) - share)

    def improvement(rows: NDArray[np.intp]) -> float:
        return 1.0 - float(dry[rows].sum() / max(float(shadow[rows].sum()), 1e-12))

    low, high = bootstrap_by_week([one.week for one in judged], improvement)
    return [
        _shown("mean share of the panel, points", 100.0 * float(share.mean())),
        _shown("persistence (today's shadow) error, points", 100.0 * float(shadow.mean())),
        _shown("peers at their launch error, points", 100.0 * float(peers.mean())),
        _shown("dry-run error, points", 100.0 * float(dry.mean())),
        _at_least(
            "improvement on persistence", improvement(np.arange(len(judged))), LEAST_IMPROVEMENT
        ),
        ReportRow("improvement, low end of 95 %", low, "> 0", low > 0.0),
        _shown("improvement, high end of 95 %", high),
    ]


def _peers_at_launch(judged: Sequence[JudgedLaunch]) -> Float64Array:
    """Return a stronger rival: the median share of the launches settled before, of like kind."""
    settled: dict[tuple[str, bool], list[float]] = {}
    rival = np.zeros(len(judged))
    for place, one in enumerate(judged):
        key = (one.week.split("/")[0], "release" in one.forecast.group)
        known = settled.setdefault(key, [])
        rival[place] = np.median(known[-60:]) if known else 0.0
        known.append(one.scored.outcome_share)
    return rival


def _coverage_rows(judged: Sequence[JudgedLaunch]) -> list[ReportRow]:
    covered: dict[str, list[bool]] = {}
    widths = []
    for one in judged:
        if one.forecast.interval is not None and one.scored.is_covered is not None:
            covered.setdefault(one.forecast.group, []).append(one.scored.is_covered)
            widths.append(one.forecast.interval[1] - one.forecast.interval[0])
    every = [hit for hits in covered.values() for hit in hits]
    coverage = float(np.mean(every)) if every else 0.0
    least, most = COVERAGE_LIMITS
    return [
        ReportRow(
            "coverage of 90 % intervals",
            coverage,
            f"{least} to {most}",
            least <= coverage <= most,
        ),
        _shown("intervals refused", float(len(judged) - len(every))),
        _shown("mean width of intervals, points", 100.0 * float(np.mean(widths or [0.0]))),
        *(
            _shown(f"coverage: {group}", float(np.mean(hits)))
            for group, hits in sorted(covered.items())
        ),
    ]


def _flag_rows(judged: Sequence[JudgedLaunch]) -> list[ReportRow]:
    flagged = np.array([one.forecast.is_flagged for one in judged])
    harmed = np.array([one.is_harmed for one in judged])
    begun = np.array([one.had_begun for one in judged])
    right = float((flagged & harmed).sum())
    return [
        _shown(f"launches harmed by {HARM_FLOOR:.0%} of the panel or more", float(harmed.sum())),
        _shown("share of them begun a week ahead: ceiling of recall", _share(begun, harmed)),
        _shown("launches flagged", float(flagged.sum())),
        _at_least("flags: precision", right / max(1.0, float(flagged.sum())), LEAST_PRECISION),
        _at_least("flags: recall", right / max(1.0, float(harmed.sum())), LEAST_RECALL),
    ]


def _column(judged: Sequence[JudgedLaunch], read: Callable[[JudgedLaunch], float]) -> Float64Array:
    return np.array([read(one) for one in judged], dtype=np.float64)


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float((hits & among).sum() / max(1, int(among.sum())))


def _at_least(name: str, value: float, limit: float) -> ReportRow:
    return ReportRow(name, float(value), f"≥ {limit:g}", bool(value >= limit))


def _shown(name: str, value: float) -> ReportRow:
    return ReportRow(name, value, "", True)
