"""Reads what-if changes from text: model=ID, feature=ITEM:FIELD=VALUE or hotfix=FILE_OR_ID."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

from recsysops.errors import BadInput, FlagError
from recsysops.serving.flag_document import build_flag_document, parse_flag_document
from recsysops.vocabulary import FeatureName, Hotfix

ReadHotfixes = Callable[[str], str]
"""A file's path or a hotfix's id → the hotfix document that holds it, as JSON."""

_NEVER_EXPIRES = datetime(2200, 1, 1, tzinfo=UTC)
_FEATURE = re.compile(rf"(?P<item>.+):(?P<field>{'|'.join(get_args(FeatureName))})=(?P<value>.*)")
_FORMS = "model=ID, feature=ITEM:FIELD=VALUE or hotfix=FILE_OR_ID"


def parse_changes(texts: list[str], read_hotfixes: ReadHotfixes) -> tuple[Hotfix, ...]:
    """Read changes, checked by the same rules as a deployed document; later ones win.

    Args:
        texts: as `parse_change`.
        read_hotfixes: finds the hotfix document behind hotfix=….

    Raises: BadInput in one line saying which change does not fit and why.
    """
    hotfixes: list[Hotfix] = []
    for number, text in enumerate(texts, start=1):
        hotfixes += parse_change(text, read_hotfixes, number=number)
    try:
        return build_flag_document(hotfixes).hotfixes
    except FlagError as error:
        raise BadInput(f"--with: {error}") from error


def parse_change(text: str, read_hotfixes: ReadHotfixes, *, number: int) -> list[Hotfix]:
    """Read one change; several hotfixes when it names a document of several.

    A feature's value is JSON, or plain text where that reads as text: null takes it away, genres
    are separated by commas. Raises: BadInput.
    """
    kind, _, rest = text.partition("=")
    if not rest:
        raise BadInput(f"--with {text!r} is none of {_FORMS}")
    if kind == "model":
        return [_hotfix(number, "pin_model", {"model_id": rest})]
    if kind == "feature":
        return [_override(rest, number)]
    if kind == "hotfix":
        return _named(rest, read_hotfixes)
    raise BadInput(f"--with {text!r} is none of {_FORMS}")


def _override(text: str, number: int) -> Hotfix:
    found = _FEATURE.fullmatch(text)
    if found is None:
        fields = ", ".join(get_args(FeatureName))
        raise BadInput(f"--with feature={text} is no ITEM:FIELD=VALUE; fields are {fields}")
    value = _read_value(found["field"], found["value"])
    params = {"feature": found["field"], "values": {found["item"]: value}}
    return _hotfix(number, "override_feature", params)


def _read_value(field: str, text: str) -> object:
    if text == "null":
        return None
    if field == "genres":
        return tuple(genre.strip() for genre in text.split(",") if genre.strip())
    if field == "language":
        return text
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise BadInput(f"--with feature: {field} {text!r} is neither a value nor null") from error
    return value


def _named(name: str, read_hotfixes: ReadHotfixes) -> list[Hotfix]:
    try:
        return list(parse_flag_document(read_hotfixes(name)).hotfixes)
    except FlagError as error:
        raise BadInput(f"--with hotfix={name}: {error}") from error


def _hotfix(number: int, kind: str, params: dict[str, object]) -> Hotfix:
    return Hotfix(
        hotfix_id=f"what-if-{number}",
        kind=kind,  # type: ignore[arg-type]
        params=params,
        percent=100.0,
        salt="what-if",
        owner="what-if",
        reason="a question",
        expires_at=_NEVER_EXPIRES,
    )
