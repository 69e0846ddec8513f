"""Corrections of the emulator, one module each, each with a test that says when to remove it."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Final

NAMES: Final = (
    "athena_dialect",
    "typed_tables",
    "firehose_bulk",
    "firehose_memory",
    "worker_logs",
    "lambda_error_type",
    "emf_metrics",
    "sfn_athena_sync",
    "loopback_is_secure",
    "athena_query_owner",
    "athena_saved_state",
)


def install_shims(names: Collection[str] = NAMES) -> None:
    """Install the named shims into this process, before the emulator starts serving."""
    for name in names:
        _installer(name)()


def _installer(name: str) -> Callable[[], None]:
    module: Mapping[str, Callable[[], None]] = vars(import_module(f"{__name__}.{name}"))
    return module["install"]
