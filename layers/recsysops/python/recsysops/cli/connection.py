"""Which stack a command talks to: the laptop stage, or the one the environment names."""

from __future__ import annotations

import os
from pathlib import Path

from recsysops.bootstrap import Ports
from recsysops.cli.stage import OUTPUTS
from recsysops.cli.story.deployed import DeployedStage
from recsysops.cli.story.stage import StagePorts
from recsysops.settings import PREFIX, Settings, settings_from_environment, settings_from_outputs


def open_settings(outputs: Path = OUTPUTS) -> Settings:
    """Read RECSYSOPS_* variables when any table is named there, else the laptop's outputs.json.

    Raises: BadInput when neither names a stack.
    """
    if f"{PREFIX}MEMBERS_TABLE" in os.environ:
        return settings_from_environment(os.environ)
    return settings_from_outputs(outputs)


def open_ports(outputs: Path = OUTPUTS) -> Ports:
    """Return the ports of the stack a command talks to. Raises: BadInput."""
    return Ports(open_settings(outputs))


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
