"""Which stack a command talks to: the laptop stage, or the one RECSYSOPS_OUTPUTS names."""

from __future__ import annotations

import os
from pathlib import Path

from recsysops.bootstrap import Ports
from recsysops.cli.stage import OUTPUTS
from recsysops.cli.story.deployed import DeployedStage
from recsysops.cli.story.stage import StagePorts
from recsysops.settings import PREFIX, Settings, settings_from_outputs

OUTPUTS_VARIABLE = f"{PREFIX}OUTPUTS"


def open_settings() -> Settings:
    """Read the file that RECSYSOPS_OUTPUTS names, else the laptop stage's outputs.json.

    Raises: BadInput when the file names no stack.
    """
    return settings_from_outputs(Path(os.environ.get(OUTPUTS_VARIABLE, OUTPUTS)))


def open_ports() -> Ports:
    """Return the ports of the stack a command talks to. Raises: BadInput."""
    return Ports(open_settings())


def stage_ports(ports: Ports) -> StagePorts:
    """Return the doors that the story and the diagnosis use."""
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
    return DeployedStage(
        settings=ports.settings,
        ports=stage_ports(ports),
        api=ports.api,
        calls=ports.calls,
        runs=ports.runs,
    )
