"""The hotfix document as text: what may stand in it, and what is refused before it can harm.

{"schema_version": 1, "hotfixes": [{hotfix_id, kind, params, percent, salt, owner, reason,
expires_at, incident_id}]}. Everything is bounded and typed; unknown keys, repeated keys, repeated
ids and two pinned models are refused with one line that names the place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
)

from recsysops.errors import FlagError
from recsysops.serving.surface_plan import SurfaceName
from recsysops.vocabulary import ID_PATTERN, FlagDocument, Hotfix

MAX_DOCUMENT_BYTES = 1_000_000
"""AppConfig refuses larger hosted documents (1 MB, its default quota)."""
MAX_HOTFIXES = 20
MAX_ITEMS = 5_000

Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Block = Literal["genre", "year", "language", "collaborative", "popularity"]
ItemIds = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MAX_ITEMS)]


def _in_our_time(moment: datetime) -> datetime:
    # year 1 or 9999 with an offset has no UTC date: every reader would fail on it
    if not 1970 <= moment.year <= 2200:
        raise ValueError("year must be from 1970 to 2200")
    return moment


Expiry = Annotated[AwareDatetime, AfterValidator(_in_our_time)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _OverrideGenres(_Strict):
    feature: Literal["genres"]
    values: dict[Identifier, Annotated[tuple[Word, ...], Field(max_length=32)] | None] = Field(
        min_length=1, max_length=MAX_ITEMS
    )


class _OverrideYear(_Strict):
    feature: Literal["year"]
    values: dict[Identifier, Annotated[int, Field(ge=0, le=9999)] | None] = Field(
        min_length=1, max_length=MAX_ITEMS
    )


class _OverrideLanguage(_Strict):
    feature: Literal["language"]
    values: dict[Identifier, Word | None] = Field(min_length=1, max_length=MAX_ITEMS)


class _OverridePrice(_Strict):
    feature: Literal["price"]
    values: dict[Identifier, Annotated[FiniteFloat, Field(ge=0, le=1e9)] | None] = Field(
        min_length=1, max_length=MAX_ITEMS
    )


class _OverrideStock(_Strict):
    feature: Literal["in_stock"]
    values: dict[Identifier, bool | None] = Field(min_length=1, max_length=MAX_ITEMS)


_OverrideParams = Annotated[
    _OverrideGenres | _OverrideYear | _OverrideLanguage | _OverridePrice | _OverrideStock,
    Field(discriminator="feature"),
]


class _MaskParams(_Strict):
    block: Block
    item_ids: ItemIds | None = None


class _BlockParams(_Strict):
    item_ids: ItemIds


class _FallbackParams(_Strict):
    surface: SurfaceName | None = None


class _PinParams(_Strict):
    model_id: Identifier


class _Entry(_Strict):
    hotfix_id: Identifier
    percent: Annotated[FiniteFloat, Field(ge=0, le=100)]
    salt: Identifier
    owner: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    expires_at: Expiry
    incident_id: Identifier | None = None


class _Override(_Entry):
    kind: Literal["override_feature"]
    params: _OverrideParams


class _Mask(_Entry):
    kind: Literal["mask_feature"]
    params: _MaskParams


class _BlockItems(_Entry):
    kind: Literal["block_items"]
    params: _BlockParams


class _Fallback(_Entry):
    kind: Literal["popularity_fallback"]
    params: _FallbackParams


class _Pin(_Entry):
    kind: Literal["pin_model"]
    params: _PinParams


_AnyEntry = Annotated[
    _Override | _Mask | _BlockItems | _Fallback | _Pin, Field(discriminator="kind")
]


def _check_entries(entries: tuple[_AnyEntry, ...]) -> tuple[_AnyEntry, ...]:
    ids = [entry.hotfix_id for entry in entries]
    repeated = sorted({one for one in ids if ids.count(one) > 1})
    if repeated:
        raise ValueError(f"hotfix_id {repeated[0]!r} stands there twice; ids must differ")
    pins = [entry.hotfix_id for entry in entries if entry.kind == "pin_model"]
    if len(pins) > 1:
        raise ValueError(f"{' and '.join(pins)} both pin a model; one at most may")
    return entries


class _Document(_Strict):
    schema_version: Literal[1]
    hotfixes: Annotated[
        tuple[_AnyEntry, ...], Field(max_length=MAX_HOTFIXES), AfterValidator(_check_entries)
    ]


def parse_flag_document(text: str) -> FlagDocument:
    """Read and validate a hotfix document.

    `version` is 12 hex digits of the sha256 of the canonical text (`dump_flag_document`), so
    spacing and key order do not change it. `hotfixes` keep their order: later overrides win.

    Raises: FlagError in one line with the path of what is wrong.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_DOCUMENT_BYTES:
        raise FlagError(f"hotfix document has {size} bytes; at most {MAX_DOCUMENT_BYTES} allowed")
    _refuse_repeated_keys(text)
    try:
        parsed = _Document.model_validate_json(text)
    except ValidationError as error:
        raise FlagError(_describe(error)) from error
    hotfixes = tuple(_to_hotfix(entry) for entry in parsed.hotfixes)
    return FlagDocument(version=_version_of(_canonical(hotfixes)), hotfixes=hotfixes)


def dump_flag_document(document: FlagDocument) -> str:
    """Return the document's canonical JSON; parsing it gives the same document back."""
    return _canonical(document.hotfixes)


def build_flag_document(hotfixes: Iterable[Hotfix] = ()) -> FlagDocument:
    """Put hotfixes into a validated document with its version.

    Raises: FlagError as `parse_flag_document` does.
    """
    return parse_flag_document(_canonical(tuple(hotfixes)))


LAST_GOOD_KEY = "flags/last_good.json"
"""The newest document our own code deployed: what a scorer that starts finds when AppConfig
serves nonsense, since it never saw a good one itself."""


def flag_document_key(version: str) -> str:
    """Return the key in the artefact bucket where a deployed document is kept for replay."""
    return f"flags/{version}.json"


def digest_text(text: str) -> str:
    """Return 12 hex digits naming any text, also one that is no valid document."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _version_of(canonical: str) -> str:
    return digest_text(canonical)


def _canonical(hotfixes: Sequence[Hotfix]) -> str:
    try:
        body = {"schema_version": 1, "hotfixes": [_to_plain(hotfix) for hotfix in hotfixes]}
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (OverflowError, TypeError, ValueError) as error:
        raise FlagError(f"hotfixes: not JSON ({error})") from error


def _to_plain(hotfix: Hotfix) -> dict[str, object]:
    return {
        "hotfix_id": hotfix.hotfix_id,
        "kind": hotfix.kind,
        "params": dict(hotfix.params),
        "percent": float(hotfix.percent),
        "salt": hotfix.salt,
        "owner": hotfix.owner,
        "reason": hotfix.reason,
        "expires_at": _utc_text(hotfix.expires_at),
        "incident_id": hotfix.incident_id,
    }


def _utc_text(moment: datetime) -> str:
    # a naive time stays naive in the text, so that parsing refuses it
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).isoformat()


def _to_hotfix(entry: _AnyEntry) -> Hotfix:
    return Hotfix(
        hotfix_id=entry.hotfix_id,
        kind=entry.kind,
        params=entry.params.model_dump(),
        percent=float(entry.percent),
        salt=entry.salt,
        owner=entry.owner,
        reason=entry.reason,
        expires_at=entry.expires_at.astimezone(UTC),
        incident_id=entry.incident_id,
    )


def _refuse_repeated_keys(text: str) -> None:
    """Refuse what JSON readers silently resolve: `{"percent": 1, "percent": 100}`."""

    def check(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise FlagError(f"hotfix document: key {repeated[:64]!r} stands there twice")
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=check)
    except (ValueError, RecursionError) as error:
        raise FlagError(f"hotfix document is not JSON: {error}") from error


def _describe(error: ValidationError) -> str:
    first = error.errors()[0]
    text = f"{_path(first['loc'])}: {first['msg'].removeprefix('Value error, ')}"
    return " ".join(text.split())[:300]


def _path(location: Sequence[int | str]) -> str:
    """Write ('hotfixes', 0, 'pin_model', 'params') as hotfixes[0].params: tags are no keys."""
    if not location:
        return "hotfix document"
    kinds = ("override_feature", "mask_feature", "block_items", "popularity_fallback", "pin_model")
    tags = (*kinds, "genres", "year", "language", "price", "in_stock", "[key]")
    parts = [part for at, part in enumerate(location) if at == 0 or part not in tags]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)[1:]
