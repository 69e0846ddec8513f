"""Says in which properties two templates differ beyond what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from infra.settings import AllowedDifference

MISSING = object()


def list_differences(
    full: Mapping[str, Any],
    reduced: Mapping[str, Any],
    *,
    omitted_types: Collection[str],
    omitted_resources: Collection[str] = (),
    allowed: Collection[AllowedDifference],
) -> list[str]:
    """Return one sentence per difference that nobody allowed."""
    return [
        *_differ_outside_resources(full, reduced),
        *_differ_in_presence(full, reduced, omitted_types, omitted_resources),
        *_differ_in_properties(full["Resources"], reduced["Resources"], allowed),
    ]


def _differ_outside_resources(full: Mapping[str, Any], reduced: Mapping[str, Any]) -> Iterator[str]:
    for section in sorted({*full, *reduced} - {"Resources"}):
        for path in walk_differences(full.get(section, MISSING), reduced.get(section, MISSING)):
            yield f"{section}{path and '.' + path} differs"


def _differ_in_presence(
    full: Mapping[str, Any],
    reduced: Mapping[str, Any],
    omitted_types: Collection[str],
    omitted_resources: Collection[str],
) -> Iterator[str]:
    for name in sorted({*full["Resources"]} - {*reduced["Resources"]}):
        kind = full["Resources"][name]["Type"]
        if kind not in omitted_types and name not in omitted_resources:
            yield f"{name} ({kind}) is left out, and its type may not be"
    for name in sorted({*reduced["Resources"]} - {*full["Resources"]}):
        yield f"{name} ({reduced['Resources'][name]['Type']}) exists in the reduced stage only"


def _differ_in_properties(
    full: Mapping[str, Any], reduced: Mapping[str, Any], allowed: Collection[AllowedDifference]
) -> Iterator[str]:
    granted = {(entry.resource_type, entry.path) for entry in allowed}
    for name in sorted({*full} & {*reduced}):
        kind = full[name]["Type"]
        for path in walk_differences(full[name], reduced[name]):
            if not _is_granted(kind, path.removeprefix("Properties."), granted):
                yield f"{name} ({kind}) differs in {path}"


def _is_granted(kind: str, path: str, granted: Collection[tuple[str, str]]) -> bool:
    """An allowed path covers what lies below it."""
    parts = path.split(".")
    return any((kind, ".".join(parts[:end])) in granted for end in range(1, len(parts) + 1))


def walk_differences(left: object, right: object) -> Iterator[str]:
    """Yield the dotted path of every leaf that differs ("" when the values themselves do)."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            below = walk_differences(left.get(key, MISSING), right.get(key, MISSING))
            yield from (f"{key}.{path}" if path else key for path in below)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from (
                f"{index}.{path}" if path else str(index) for path in walk_differences(one, other)
            )
    elif left != right:
        yield ""
