"""The catalogue of audits: every file in `audits/` and `owned_metrics/` that declares one."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Final

from recsysops.detection import audits
from recsysops.detection.declaration import Audit
from recsysops.detection.owned_metric import (
    OwnedMetric,
    UnreadableMetric,
    as_audit,
    read_owned_metrics,
)
from recsysops.errors import BadInput

OWNED_METRICS_FOLDER: Final = Path(__file__).with_name("owned_metrics")
_READ: Final = read_owned_metrics(OWNED_METRICS_FOLDER)
OWNED_METRICS: Final[tuple[OwnedMetric, ...]] = _READ[0]
"""What item owners declared."""
UNREADABLE_METRICS: Final[tuple[UnreadableMetric, ...]] = _READ[1]
"""Files among them that cannot be read."""


def _declared_audits() -> tuple[Audit, ...]:
    """Import every module of `audits/`; one without an AUDIT holds what several of them share."""
    names = sorted(module.name for module in pkgutil.iter_modules(audits.__path__))
    modules = [import_module(f"{audits.__name__}.{name}") for name in names]
    declared = [module.AUDIT for module in modules if hasattr(module, "AUDIT")]
    declared += map(as_audit, OWNED_METRICS)
    return tuple(sorted(declared, key=lambda audit: (audit.depth, audit.name)))


AUDITS: Final[tuple[Audit, ...]] = _declared_audits()
"""Every audit, roots first."""

_BY_NAME: Final = {audit.name: audit for audit in AUDITS}


def find_known(name: str) -> Audit | None:
    """Return an audit by name, None for what is none, such as a step of the run."""
    return _BY_NAME.get(name)


def find_audit(name: str) -> Audit:
    """Return an audit by name. Raises: BadInput."""
    if name not in _BY_NAME:
        raise BadInput(f"no audit {name!r}; there are {sorted(_BY_NAME)}")
    return _BY_NAME[name]
