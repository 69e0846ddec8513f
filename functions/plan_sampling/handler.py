"""Plans the sampling rates from the last 24 hours, or {window_start, window_end}; deploys them."""

from collections.abc import Mapping
from datetime import timedelta

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.vocabulary import Window
from recsysops.workflows.plan_sampling import (
    LogBudget,
    deploy_sampling,
    plan_sampling,
    read_sampling_plan,
)

PORTS, LOGGER = process_ports(), make_logger("plan_sampling")
BUDGET = LogBudget(rows_per_day=PORTS.settings.full_rows_per_day)


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Return the budget, the expected rows and the deployment, '' when nothing changed."""
    end = read_moment(event, "window_end", default=PORTS.clock())
    window = Window(read_moment(event, "window_start", default=end - timedelta(days=1)), end)
    deployer = PORTS.sampling_deployer
    current = read_sampling_plan(deployer)
    planned = plan_sampling(window, budget=BUDGET, queries=PORTS.queries, current=current)
    told = deploy_sampling(planned, deployer=deployer, note="plan_sampling").summarize()
    LOGGER.info("sampling planned", extra=told)
    return told
