"""What batch functions are called with: a schedule's {}, a stream's batch, a workflow's task."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from recsysops.errors import BadInput

TaskT = TypeVar("TaskT", bound=BaseModel)


_PACKED = "packed"
_READABLE_CHARACTERS = 1_000
_MOST_BYTES = 8 << 20


class JudgeTask(BaseModel):
    """One iteration of the audit workflow's map; `window` is the audit's context."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    audit: str
    query_execution_id: str
    window: dict[str, Any]


class RecordTask(BaseModel):
    """The last step of the audit workflow; `window` is {} when even the plan failed."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    run_id: str = ""
    window: dict[str, Any]
    judgements: tuple[dict[str, Any], ...]


class IncidentDetail(BaseModel):
    """What the incident bus says of an incident, as far as a diagnosis needs it."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    incident_id: str


class IncidentEvent(BaseModel):
    """An event of the incident bus."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    detail: IncidentDetail


def read_task(task: type[TaskT], event: Mapping[str, object]) -> TaskT:
    """Read a workflow's task. Raises: BadInput with the path of the first problem."""
    try:
        return task.model_validate(event)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "event"
        raise BadInput(f"{place}: {first['msg']}") from error


def pack_document(document: Mapping[str, Any], *, readable: Sequence[str]) -> dict[str, Any]:
    """Return a document small enough to travel with others through a state machine.

    All that the branches of a map return may be 256 KiB, and one audit of a very bad day says
    20 KiB. A large document is compressed, its numbers to nine digits, as random digits are what
    no compression shortens; what somebody who looks at the execution wants to read stays beside it.
    """
    text = json.dumps(document, separators=(",", ":"))
    if len(text) <= _READABLE_CHARACTERS:
        return dict(document)
    short = json.dumps(json.loads(text, parse_float=_nine_digits), separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(short.encode(), level=9)).decode()
    return {**{name: document[name] for name in readable}, _PACKED: packed}


def _nine_digits(number: str) -> float:
    return float(f"{float(number):.9g}")


def unpack_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document that `pack_document` may have packed. Raises: BadInput when it is none."""
    if _PACKED not in document:
        return dict(document)
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(base64.b64decode(document[_PACKED]), _MOST_BYTES)
        unpacked: dict[str, Any] = json.loads(text)
    except (ValueError, TypeError, zlib.error) as error:
        raise BadInput(f"{_PACKED}: no compressed JSON: {error}") from error
    return unpacked


def read_moment(event: Mapping[str, object], name: str, *, default: datetime) -> datetime:
    """Return a moment of the event in UTC, the default when it names none.

    Raises: BadInput when it is no ISO date and time with a zone.

    >>> now = datetime(2026, 1, 2, tzinfo=UTC)
    >>> read_moment({"as_of": "2026-01-01T02:00:00+02:00"}, "as_of", default=now).isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    text = event.get(name)
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadInput(f"{name}: {text!r:.80} is no ISO date and time") from error
    if moment.tzinfo is None:
        raise BadInput(f"{name}: {text!r} lacks a zone; write e.g. 2026-01-02T03:04:05+00:00")
    return moment.astimezone(UTC)
