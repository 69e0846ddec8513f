"""What a sandbox restored from a SnapStart snapshot must not take over from the one it was cut of.

Connections are dead, credentials may be old, the generator of random numbers would repeat itself in
every copy, flags may be days old. Lambda's `snapshot_restore_py` calls the hooks; elsewhere the
module does not exist and nothing is registered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

Renewal = Callable[[], None]

_RUNTIME_MODULE = "snapshot_restore_py"


def renew_after_restore(renewals: Sequence[Renewal]) -> None:
    """Reseed Python's generator and run every renewal, in order."""
    random.seed()
    for renew in renewals:
        renew()


def register_hooks(*, prepare: Renewal, renewals: Sequence[Renewal]) -> bool:
    """Have `prepare` run before a snapshot is taken and the renewals after every restore.

    False where the runtime knows no snapshots.
    """
    if find_spec(_RUNTIME_MODULE) is None:
        return False
    runtime = import_module(_RUNTIME_MODULE)
    runtime.register_before_snapshot(prepare)
    runtime.register_after_restore(renew_after_restore, renewals)
    return True
