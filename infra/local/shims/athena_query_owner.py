"""Shim: with IAM enforced, the emulator does not know which workgroup a query belongs to.

Missing upstream: reading, following and stopping a query are authorized on its workgroup, as on
AWS. Without it a role that is limited to a workgroup may start queries but not read them.
"""

import json
from collections.abc import Callable

from ministack.core import iam_actions
from ministack.services import athena

from infra.local.shims.patching import find_part, wrap_part

Extract = Callable[..., str]
_UNKNOWN = "*"


def install() -> None:
    """Authorize calls about a query on the workgroup that runs it."""
    find_part(athena, "_executions")
    find_part(athena, "_arn_workgroup")
    wrap_part(iam_actions, "extract_resource_arn", _name_workgroup)


def _name_workgroup(extract: Extract) -> Extract:
    def extract_and_name(
        service: str, method: str, path: str, headers: object, body: bytes, *rest: object
    ) -> str:
        resource = extract(service, method, path, headers, body, *rest)
        if service != "athena" or resource != _UNKNOWN:
            return resource
        return _workgroup_of(body) or _UNKNOWN

    return extract_and_name


def _workgroup_of(body: bytes) -> str | None:
    try:
        query_id = json.loads(body).get("QueryExecutionId")
    except (ValueError, AttributeError):
        return None
    execution = athena._executions.get(query_id)
    return str(athena._arn_workgroup(execution["WorkGroup"])) if execution else None
