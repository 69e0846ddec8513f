"""Shim: the emulator does not save Athena's state once a query answered with a moment.

Missing upstream: answers are saved as they are, and a datetime is not JSON. Then nothing of Athena
is saved, its workgroups neither, and after `down` and `up` every audit fails for lack of an output
location. Nobody asks for an answer of before a restart, so executions are not saved at all.
"""

from collections.abc import Callable

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import athena

from infra.local.shims.patching import find_part, wrap_part

State = dict[str, object]


def install() -> None:
    """Save workgroups and catalogs, not what was asked."""
    find_part(athena, "_executions")
    wrap_part(athena, "get_state", _without_executions)


def _without_executions(get_state: Callable[[], State]) -> Callable[[], State]:
    def get_state_without_executions() -> State:
        return {**get_state(), "_executions": AccountRegionScopedDict()}

    return get_state_without_executions
