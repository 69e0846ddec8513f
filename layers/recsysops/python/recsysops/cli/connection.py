"""Which stack a command talks to: the laptop stage, or the one RECSYSOPS_OUTPUTS names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recsysops.cli.stage import OUTPUTS

# commands import late: --help and errors of use need neither numpy nor boto3
if TYPE_CHECKING:
    from recsysops.bootstrap import Ports
    from recsysops.cli.story.deployed import DeployedStage
    from recsysops.cli.story.stage import StagePorts
    from recsysops.settings import Settings

OUTPUTS_VARIABLE = "RECSYSOPS_OUTPUTS"


def open_settings() -> Settings:
    """Read the file that RECSYSOPS_OUTPUTS names, else the laptop stage's outputs.json.

    Raises: BadInput when the file names no stack.
    """
    from recsysops.settings import settings_from_outputs

    return settings_from_outputs(Path(os.environ.get(OUTPUTS_VARIABLE, OUTPUTS)))


def open_ports() -> Ports:
    """Return the ports of the stack a command talks to. Raises: BadInput."""
    from recsysops.bootstrap import Ports

    return Ports(open_settings())


def stage_ports(ports: Ports) -> StagePorts:
    """Return the doors that the story and the diagnosis use."""
    from recsysops.cli.story.stage import StagePorts

    return StagePorts(
        items=ports.items,
        members=ports.members,
        blobs=ports.blobs,
        registry=ports.registry,
        queries=ports.queries,
        incidents=ports.incidents,
        hotfixes=ports.hotfix_deployer,
        model=ports.model_deployer,
    )


def open_stage(ports: Ports) -> DeployedStage:
    """Return the deployed stage that a story is told on."""
    from recsysops.cli.story.deployed import DeployedStage

    return DeployedStage(
        settings=ports.settings,
        ports=stage_ports(ports),
        api=ports.api,
        calls=ports.calls,
        runs=ports.runs,
    )
