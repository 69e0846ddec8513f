"""Knows how the deployed stack's outputs become build/local/outputs.json."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from infra.local.clients import REGION
from infra.local.errors import StageError

_API_HOST = re.compile(r"https?://(?P<api_id>\w+)\.execute-api\.")


def name_outputs(outputs: Mapping[str, str], *, endpoint: str) -> dict[str, str]:
    """Return the stack's outputs under snake_case names, with addresses of this machine.

    Raises:
        StageError: the app exports no ApiUrl, without which no request can be sent.
    """
    named = {_snake_case(key): value for key, value in outputs.items()}
    found = _API_HOST.match(named.get("api_url", ""))
    if not found:
        raise StageError(f"the app exports no ApiUrl of an HTTP API, only {sorted(outputs)}")
    return named | {
        "endpoint": endpoint,
        "region": REGION,
        "api_url": f"{endpoint}/_aws/execute-api/{found['api_id']}/$default",
        "token_url": f"{endpoint}/oauth2/token",
    }


def write_outputs(path: Path, named: Mapping[str, str]) -> None:
    """Write the file whole or not at all: readers poll it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(dict(sorted(named.items())), indent=2) + "\n")
    fresh.replace(path)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
