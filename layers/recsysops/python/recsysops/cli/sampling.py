"""The command that plans the sampling of full records for a budget."""

from __future__ import annotations

from typing import Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag


def plan_sampling(
    start: Annotated[str, typer.Option("--from", help="Start of the window that is counted.")],
    end: Annotated[str, typer.Option("--to", help="End of the window.")],
    rows: Annotated[float | None, typer.Option(help="Full records a day.")] = None,
    megabytes: Annotated[float | None, typer.Option(help="Or JSON megabytes a day.")] = None,
    deploy: Annotated[bool, typer.Option(help="Let the plan serve.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Plan the rates of full records from a window's traffic; deploy them only when told to."""
    from recsysops.cli.operate import parse_window
    from recsysops.workflows import plan_sampling as workflow

    window, ports = parse_window(start, end), open_ports()
    deployer = ports.sampling_deployer
    planned = workflow.plan_sampling(
        window,
        budget=workflow.LogBudget(rows, None if megabytes is None else megabytes * 1e6),
        queries=ports.queries,
        current=workflow.read_sampling_plan(deployer),
    )
    if deploy:
        planned = workflow.deploy_sampling(planned, deployer=deployer, note="recsysops")
    if as_json:
        print_json(planned)
        return
    plan = planned.planned.plan
    print_table(
        "rates of full records",
        [{"stratum": name, "rate": rate} for name, rate in plan.stratum_rates.items()],
    )
    over = ", which the floors of the strata exceed" if planned.planned.over_budget else ""
    people.print(
        f"expected {planned.planned.expected_rows:,.0f} rows a day, budget "
        f"{planned.budget_rows:,.0f}{over}; raised requests at {plan.raised_rate:.2f}"
    )
    people.print(f"deployment {planned.deployment_id}" if planned.deployment_id else "not deployed")
