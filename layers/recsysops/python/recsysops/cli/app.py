"""The command line `recsysops`: wires commands, and turns our errors into one clear line."""

from __future__ import annotations

import os
import sys

import typer

from recsysops.cli import (
    audit_catalogue,
    baseline,
    checks,
    columns,
    demo,
    evaluate,
    faults,
    hotfix,
    import_model,
    incidents,
    item_page,
    launches,
    metrics,
    mirror,
    missed_choices,
    ml_test_score,
    models,
    operate,
    privacy,
    replay,
    sampling,
    sources,
    stage,
    train,
)
from recsysops.cli.gameday.command import gameday
from recsysops.cli.output import progress_console
from recsysops.errors import RecSysOpsError

app = typer.Typer(
    name="recsysops",
    help="Run a recommender that stays healthy: detect, predict, diagnose, resolve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(stage.up)
app.command()(stage.down)
app.command()(stage.status)
app.command()(stage.clean)
app.command()(train.train)
app.command()(import_model.import_model)
app.command()(operate.recommend)
app.command()(operate.audit)
app.command()(audit_catalogue.audits)
app.command()(item_page.item)
app.command()(operate.diagnose)
app.command()(missed_choices.missed_choices)
app.command()(replay.replay)
app.command()(evaluate.evaluate)
app.command()(privacy.forget)
app.command()(sampling.plan_sampling)
app.command()(mirror.mirror)
app.command()(launches.launches)
app.command()(demo.demo)
app.command()(faults.faults_check)
app.command()(gameday)
app.command()(columns.columns)
app.command()(ml_test_score.ml_test_score)
app.command()(checks.leaderboard)
app.command()(checks.previews_check)
app.command()(checks.launches_check)
app.add_typer(incidents.app, name="incidents")
app.add_typer(baseline.app, name="baseline")
app.add_typer(hotfix.app, name="hotfix")
app.add_typer(models.app, name="models")
app.add_typer(sources.app, name="sources")
app.add_typer(metrics.app, name="metrics")


def main() -> None:
    """Run the command line; an error of ours, or of a file it names, is one line and status 2."""
    try:
        app()
    except RecSysOpsError as error:
        _refuse(str(error))
    except BrokenPipeError:
        # `recsysops … | head` has read enough; closing standard output again would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise  # no file that somebody named
        _refuse(f"{error.filename}: {error.strerror}")


def _refuse(what: str) -> None:
    # what others said may hold line breaks
    progress_console.print(" ".join(f"recsysops: {what}".split()), style="red")
    sys.exit(2)


if __name__ == "__main__":
    main()
