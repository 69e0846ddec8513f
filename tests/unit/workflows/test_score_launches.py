"""The launch report: what each row measures, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.prediction.dry_run import LaunchDryRun
from recsysops.prediction.forecast import LaunchForecast
from recsysops.prediction.harm import Suspicion
from recsysops.prediction.track_record import ScoredForecast
from recsysops.vocabulary import UpcomingLaunch
from recsysops.workflows.score_launches import JudgedLaunch, bootstrap_by_week, report_launches

from tests.fakes.launch_stage import LAUNCH_DAY, make_catalogue_items
from tests.fakes.served_world import AS_OF

ITEM = make_catalogue_items(3)[-1]
REASON = Suspicion(
    "language", "missing", "missing", "ko", 9, 0, 1.0, 1.0, 1.0, 0.1, 0.3
)  # fmt: skip


def judged(
    *,
    share: float = 0.2,
    shadow: float = 0.0,
    outcome: float = 0.2,
    correct: float | None = None,
    flagged: bool = False,
    week: str = "0/2026-10",
    interval: tuple[float, float] | None = (0.1, 0.3),
) -> JudgedLaunch:
    forecast = LaunchForecast(
        launch=UpcomingLaunch(ITEM),
        group="new release, same model",
        dry_run=LaunchDryRun(ITEM.item_id, "m-1", share, 0.1, 0.3),
        interval=interval,
        refusal=None,
        suspicions=(),
        reasons=(REASON,) if flagged else (),
    )
    scored = ScoredForecast(forecast, LAUNCH_DAY, shadow, outcome)
    return JudgedLaunch(week, scored, AS_OF, outcome if correct is None else correct, ITEM)


def good_year() -> list[JudgedLaunch]:
    """320 launches in 40 weeks: 10 % outside their interval, 20 harmed of which 10 are flagged."""
    launches = [judged(week=f"0/{n % 40}", outcome=0.2 if n % 10 else 0.4) for n in range(300)]
    launches += [judged(week=f"0/{n}", correct=0.3, flagged=n < 10) for n in range(20)]
    return launches


def test_a_year_in_brief_is_one_line_with_what_was_missed() -> None:
    brief = report_launches(good_year()).in_brief()
    assert (brief["launches"], brief["flagged"], brief["harmed"]) == (320.0, 10.0, 20.0)
    assert (brief["precision"], brief["recall"], brief["missed"]) == (1.0, 0.5, [])
    assert None not in brief.values()
    bad = [judged(correct=0.3) for _ in range(300)]
    assert "flags: recall" in str(report_launches(bad).in_brief()["missed"])


def test_a_good_year_keeps_every_limit() -> None:
    report = report_launches(good_year())
    assert report.is_ok, report.to_document()
    assert report.value("flags: precision") == 1.0
    assert report.value("flags: recall") == 0.5


def test_errors_are_mean_absolute_errors_in_points() -> None:
    report = report_launches([judged(share=0.3, shadow=0.1, outcome=0.2), judged(shadow=0.4)])
    assert report.value("dry-run error, points") == pytest.approx(100 * (0.1 + 0.0) / 2)
    assert report.value("persistence (today's shadow) error, points") == pytest.approx(15.0)
    assert report.value("improvement on persistence") == pytest.approx(1 - 0.1 / 0.3)


def test_a_flagger_that_names_nothing_misses_the_limits_of_flags() -> None:
    blind = [
        replace(one, scored=replace(one.scored, forecast=replace(one.forecast, reasons=())))
        for one in good_year()
    ]
    missed = {row.name for row in report_launches(blind).rows if not row.ok}
    assert missed == {"flags: precision", "flags: recall"}


def test_flagging_everything_misses_precision() -> None:
    eager = [judged(flagged=True, week=f"0/{n % 40}") for n in range(320)]
    assert "flags: precision" in {r.name for r in report_launches(eager).rows if not r.ok}


def test_intervals_that_always_hold_are_too_wide() -> None:
    safe = [judged(week=f"0/{n % 40}", interval=(0.0, 1.0)) for n in range(320)]
    missed = {row.name for row in report_launches(safe).rows if not row.ok}
    assert "coverage of 90 % intervals" in missed


def test_refused_intervals_are_counted_and_not_covered() -> None:
    refused = [judged(interval=None) for _ in range(3)]
    report = report_launches(refused)
    assert report.value("intervals refused") == 3.0
    assert report.value("coverage of 90 % intervals") == 0.0


def test_no_launch_at_all_is_not_ok() -> None:
    assert not report_launches([]).is_ok


def test_when_nothing_moves_no_improvement_is_claimed() -> None:
    same = [judged(share=0.0, shadow=0.0, outcome=0.0, week=f"0/{n % 40}") for n in range(320)]
    assert not report_launches(same).is_ok


def test_harm_that_began_after_the_forecast_is_not_counted_as_begun() -> None:
    changed = replace(judged(correct=0.3), metadata_after=replace(ITEM, language="zz"))
    assert not changed.had_begun
    assert judged().had_begun


def test_weeks_are_drawn_whole() -> None:
    """Two weeks that differ: the interval of the mean spans both, however many launches."""
    values = np.array([0.0] * 500 + [1.0] * 500)
    weeks = ["a"] * 500 + ["b"] * 500
    low, high = bootstrap_by_week(weeks, lambda rows: float(values[rows].mean()), resamples=200)
    assert (low, high) == (0.0, 1.0)
