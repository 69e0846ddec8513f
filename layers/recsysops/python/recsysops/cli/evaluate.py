"""The command evaluate: what a policy that never served would have earned, or why nobody knows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.operate import parse_window
from recsysops.cli.output import people, print_json
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput
from recsysops.vocabulary import FeedbackKind

if TYPE_CHECKING:
    from recsysops.workflows.evaluate_policy import EvaluationTerms, PolicyReport

_Kind = Literal["click", "play"]
_Log = Literal["open-bandit", "lake"]


def evaluate(
    policy: Annotated[
        str, typer.Option(help="open-bandit: random or bts; lake: greedy or explore=RATE.")
    ],
    log: Annotated[str, typer.Option(help="open-bandit or lake.")] = "lake",
    data: Annotated[Path | None, typer.Option(help="Folder of the Open Bandit data set.")] = None,
    campaign: Annotated[str, typer.Option(help="all, men or women.")] = "all",
    logged: Annotated[
        str | None, typer.Option(help="Who wrote the Open Bandit log; the other one when left out.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="Start of the lake's window.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the lake's window.")] = None,
    kind: Annotated[str, typer.Option(help="Reward in the lake: play or click.")] = "play",
    interval: Annotated[str, typer.Option(help="bootstrap, or bernstein (holds always).")] = (
        "bootstrap"
    ),
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999)] = 0.9,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Also draw the estimates, as SVG.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Estimate what another policy would have earned from logged propensities; refuse honestly."""
    from recsysops.cli.evaluation_report import draw_report, show_report
    from recsysops.experiments.off_policy.evaluation import IntervalMethod
    from recsysops.workflows.evaluate_policy import EvaluationTerms

    if plot is not None and plot.suffix != ".svg":
        raise BadInput(f"--plot {plot} must end in .svg")
    method = cast("IntervalMethod", _one_of(interval, get_args(IntervalMethod), name="--interval"))
    terms = EvaluationTerms(method, confidence, seed)
    if _one_of(log, get_args(_Log), name="--log") == "lake":
        report = _judge_lake(policy, start=start, end=end, kind=kind, terms=terms)
    else:
        report = _judge_open_bandit(
            policy, data=data, campaign=campaign, logged=logged, terms=terms
        )
    drawn = plot is not None and draw_report(report, plot)
    if as_json:
        print_json(report.to_document())
        return
    show_report(report)
    if plot is not None:
        people.print(f"drawn in {plot}" if drawn else f"{plot} was not drawn: there is no estimate")


def parse_explore_rate(policy: str) -> float:
    """Read a policy of the lake as its exploration rate. Raises: BadInput.

    >>> parse_explore_rate("greedy"), parse_explore_rate("explore=0.2")
    (0.0, 0.2)
    """
    if policy == "greedy":
        return 0.0
    name, _, text = policy.partition("=")
    try:
        rate = float(text) if name == "explore" else math.nan
    except ValueError:
        rate = math.nan
    if not 0.0 <= rate <= 1.0:
        raise BadInput(f"--policy {policy!r} of the lake is neither greedy nor explore=RATE (0-1)")
    return rate


def _judge_lake(
    policy: str, *, start: str | None, end: str | None, kind: str, terms: EvaluationTerms
) -> PolicyReport:
    from recsysops.workflows.evaluate_policy import evaluate_lake

    rate = parse_explore_rate(policy)
    if start is None or end is None:
        raise BadInput("--log lake needs a window: --from and --to")
    reward = cast("FeedbackKind", _one_of(kind, get_args(_Kind), name="--kind"))
    window = parse_window(start, end)
    return evaluate_lake(open_ports().queries, window, rate=rate, kind=reward, terms=terms)


def _judge_open_bandit(
    policy: str, *, data: Path | None, campaign: str, logged: str | None, terms: EvaluationTerms
) -> PolicyReport:
    from recsysops.datasets.open_bandit import BanditPolicy, Campaign
    from recsysops.workflows.evaluate_policy import evaluate_open_bandit

    if data is None:
        raise BadInput("--log open-bandit needs --data FOLDER (research.zozo.com/data.html)")
    policies = get_args(BanditPolicy)
    wanted = cast("BanditPolicy", _one_of(policy, policies, name="--policy"))
    other = next(name for name in policies if name != wanted)
    return evaluate_open_bandit(
        data,
        campaign=cast("Campaign", _one_of(campaign, get_args(Campaign), name="--campaign")),
        logged=cast("BanditPolicy", _one_of(logged or other, policies, name="--logged")),
        policy=wanted,
        terms=terms,
    )


def _one_of(text: str, allowed: tuple[str, ...], *, name: str) -> str:
    if text not in allowed:
        raise BadInput(f"{name} {text!r} is none of {', '.join(allowed)}")
    return text
