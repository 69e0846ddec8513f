"""How an evaluation is shown: a table, one line about the log's support, a picture."""

from __future__ import annotations

from pathlib import Path

from recsysops.cli.output import people, print_table
from recsysops.experiments.intervals import Interval
from recsysops.experiments.off_policy.evaluation import Evaluation
from recsysops.workflows.evaluate_policy import PolicyReport

LABELS = {
    "ips": "IPS",
    "clipped_ips": "clipped IPS",
    "snips": "SNIPS",
    "dm": "direct method (biased as its model)",
    "dr": "doubly robust",
    "switch_dr": "SWITCH doubly robust",
}


def show_report(report: PolicyReport) -> None:
    """Print a report as a table, or the reason for none."""
    title = f"{report.policy} from {report.log}: {report.unit}"
    if report.evaluation is None:
        people.print(title)
        people.print(report.refusal, style="bold")
    else:
        rows = [
            {"estimator": name, "value": _text(value), "gain over the logged policy": _text(gain)}
            for name, value, gain in report_rows(report)
        ]
        print_table(title, rows)
        people.print(describe_support(report))
        if report.evaluation.interval_method == "bootstrap" and not _tells_gain(report.evaluation):
            people.print("· gains are not told: too few rewards where the two policies differ")
    for note in report.notes:
        people.print(f"· {note}")


def report_rows(report: PolicyReport) -> list[tuple[str, Interval, Interval | None]]:
    """Return (label, value, gain) in the report's unit: logged policy, estimators, truth."""
    found = report.evaluation
    if found is None:
        return []
    rows: list[tuple[str, Interval, Interval | None]] = [
        ("logged policy", found.now.scaled(report.scale), None)
    ]
    rows += [
        (LABELS[one.estimator], one.value.scaled(report.scale), report.scaled(one.gain))
        for one in found.estimates
    ]
    if report.on_policy is not None:
        rows.append(("in its own log", report.on_policy.scaled(report.scale), None))
    return rows


def describe_support(report: PolicyReport) -> str:
    """Say in one line what the log offered."""
    found = report.evaluation
    if found is None:
        return str(report.refusal)
    support = found.support
    return (
        f"{support.decisions} decisions of {support.clusters} members, "
        f"{support.effective_sample:.0f} in effect, {support.effective_rewards:.1f} rewarded in "
        f"effect; ratios average {support.mean_ratio.value:.3f}, at most "
        f"{support.largest_ratio:.3g}; never logged {support.unsupported:.1%}; cap "
        f"{found.cap:.3g} touches {found.over_cap:.1%}; {found.confidence:.0%} intervals by "
        f"{found.interval_method} over members"
    )


def draw_report(report: PolicyReport, path: Path) -> bool:
    """Write the estimates with their intervals as SVG; False when there are none."""
    from recsysops.cli.pages.plots import draw_intervals, stand_alone

    rows = [(name, one.low, one.value, one.high) for name, one, _ in report_rows(report)]
    if not rows:
        return False
    title = f"{report.policy} from {report.log}"
    drawn = draw_intervals(title, rows, caption=describe_support(report), unit=report.unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stand_alone(drawn), encoding="utf-8")
    return True


def _tells_gain(found: Evaluation) -> bool:
    return any(one.gain is not None for one in found.estimates)


def _text(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
