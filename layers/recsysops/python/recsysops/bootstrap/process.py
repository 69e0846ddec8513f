"""All ports of one deployed stack, and the one set of them that a process has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from recsysops.bootstrap.jobs import JobPorts
from recsysops.bootstrap.operations import OperatorPorts
from recsysops.bootstrap.streams import StreamPorts
from recsysops.settings import settings_from_environment

if TYPE_CHECKING:
    from recsysops.adapters.aws_clients import Patience


class Ports(StreamPorts, JobPorts, OperatorPorts):
    """Every port of one stack; each is made at most once."""


_PORTS: list[Ports] = []


def process_ports(patience: Patience = "batch") -> Ports:
    """Return this process's ports, made from its environment on the first call.

    Raises: BadInput when the environment holds a setting that does not fit.
    """
    if not _PORTS:
        _PORTS.append(Ports(settings_from_environment(os.environ), patience=patience))
    return _PORTS[0]


def use_ports(ports: Ports | None) -> None:
    """Put ports in the place of this process's own; None forgets them. For tests."""
    _PORTS[:] = [] if ports is None else [ports]
