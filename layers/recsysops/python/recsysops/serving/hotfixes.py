"""What deployed hotfixes do to a request: who is exposed, and what changes for them.

Exposure is a stable hash of (salt, member pseudonym) inside the flag, so the members below the
percentage are exposed on every machine and the others are a concurrent control whose scores are
untouched bit for bit. Everything here is pure: removing a hotfix gives the old scores back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

import numpy as np

from recsysops.model.catalogue import Catalogue
from recsysops.model.encoder import BLOCK_OF_FEATURE
from recsysops.model.kernel import Float32Array
from recsysops.vocabulary import (
    BLOCK_POPULARITY,
    FlagDocument,
    Hotfix,
    ItemFeatures,
    Surface,
    hash_unit,
)

CATALOGUE_KINDS = ("override_feature", "mask_feature")
"""Hotfixes that make another catalogue; the others act on the request."""


def exposed_hotfixes(
    document: FlagDocument, member_pseudonym: str, now: datetime
) -> tuple[Hotfix, ...]:
    """Return the hotfixes that apply to one member now, in document order.

    Expired ones (expires_at <= now) apply to nobody.
    """
    return tuple(
        hotfix
        for hotfix in document.hotfixes
        if now < hotfix.expires_at and is_exposed(hotfix, member_pseudonym)
    )


def is_exposed(hotfix: Hotfix, member_pseudonym: str) -> bool:
    """Return whether the member's hash lies below the hotfix's percentage."""
    return hash_unit(hotfix.salt, member_pseudonym) < hotfix.percent / 100.0


def changes_catalogue(hotfixes: Iterable[Hotfix]) -> tuple[Hotfix, ...]:
    """Return only the hotfixes that `apply_hotfixes` acts on: their ids key a cache."""
    return tuple(hotfix for hotfix in hotfixes if hotfix.kind in CATALOGUE_KINDS)


def apply_hotfixes(catalogue: Catalogue, hotfixes: Sequence[Hotfix]) -> Catalogue:
    """Return the catalogue as exposed members see it; the given one is not touched.

    override_feature replaces the raw value and the columns of the block it feeds; later
    overrides win. mask_feature acts after every override: content and collaborative columns
    become zero, popularity becomes the median bias of the catalogue as it came. Item ids that
    the catalogue does not know are ignored (`count_unknown_items`). Without such a hotfix the
    same object comes back.
    """
    acting = changes_catalogue(hotfixes)
    if not acting:
        return catalogue
    items = list(catalogue.items)
    matrix, bias = catalogue.matrix.copy(), catalogue.bias.copy()
    for hotfix in acting:
        if hotfix.kind == "override_feature":
            _override(hotfix, catalogue, items=items, matrix=matrix)
    for hotfix in acting:
        if hotfix.kind == "mask_feature":
            _mask(hotfix, catalogue, matrix=matrix, bias=bias)
    return replace(
        catalogue,
        items=tuple(items),
        matrix=matrix,
        bias=bias,
        largest_row_norm=_norm_bound(matrix),
    )


def blocked_items(hotfixes: Iterable[Hotfix]) -> frozenset[str]:
    """Return the item ids that block_items hotfixes take out of the ranking."""
    blocked: set[str] = set()
    for hotfix in hotfixes:
        if hotfix.kind == "block_items":
            blocked.update(named_items(hotfix))
    return frozenset(blocked)


def uses_popularity_only(hotfixes: Iterable[Hotfix], surface: Surface) -> bool:
    """Return whether a popularity_fallback covers this surface (surface null covers all)."""
    return any(
        hotfix.kind == "popularity_fallback" and hotfix.params.get("surface") in (None, surface)
        for hotfix in hotfixes
    )


def pinned_model(hotfixes: Iterable[Hotfix]) -> str | None:
    """Return the model id a pin_model hotfix asks for, None without one."""
    pins = (hotfix for hotfix in hotfixes if hotfix.kind == "pin_model")
    return next((cast("str", pin.params["model_id"]) for pin in pins), None)


def named_items(hotfix: Hotfix) -> tuple[str, ...]:
    """Return the item ids a hotfix names, in its order; none when it acts on all items."""
    if hotfix.kind == "override_feature":
        return tuple(cast("Mapping[str, object]", hotfix.params["values"]))
    return tuple(cast("Sequence[str] | None", hotfix.params.get("item_ids")) or ())


def count_unknown_items(catalogue: Catalogue, hotfixes: Iterable[Hotfix]) -> int:
    """Count the item ids hotfixes name that the catalogue lacks: ignored, never an error."""
    return sum(
        item_id not in catalogue.row_of for hotfix in hotfixes for item_id in named_items(hotfix)
    )


def override_item(item: ItemFeatures, feature: str, value: object) -> ItemFeatures:
    """Return the item with one raw feature replaced; genres null means no genre."""
    if feature == "genres":
        return replace(item, genres=tuple(cast("Sequence[str] | None", value) or ()))
    return replace(item, **{feature: value})  # type: ignore[arg-type]


def _override(
    hotfix: Hotfix, catalogue: Catalogue, *, items: list[ItemFeatures], matrix: Float32Array
) -> None:
    feature = cast("str", hotfix.params["feature"])
    columns = _columns(catalogue, BLOCK_OF_FEATURE.get(feature))
    for item_id, value in cast("Mapping[str, object]", hotfix.params["values"]).items():
        row = catalogue.row_of.get(item_id)
        if row is not None:
            items[row] = override_item(items[row], feature, value)
            matrix[row, columns] = catalogue.encoder.encode(items[row])[columns]


def _mask(
    hotfix: Hotfix, catalogue: Catalogue, *, matrix: Float32Array, bias: Float32Array
) -> None:
    block = cast("str", hotfix.params["block"])
    rows = _rows(hotfix, catalogue)
    if block == BLOCK_POPULARITY:
        bias[rows] = np.float32(np.median(catalogue.bias)) if len(bias) else np.float32(0.0)
    else:
        matrix[rows, _columns(catalogue, block)] = 0.0


def _rows(hotfix: Hotfix, catalogue: Catalogue) -> slice | list[int]:
    if hotfix.params.get("item_ids") is None:
        return slice(None)
    row_of = catalogue.row_of
    return [row_of[item_id] for item_id in named_items(hotfix) if item_id in row_of]


def _columns(catalogue: Catalogue, block_name: str | None) -> slice:
    """Return the columns of a block; none for what no block scores (price, stock)."""
    blocks = {block.name: slice(block.start, block.stop) for block in catalogue.encoder.blocks}
    # a block that this model lacks has nothing to change: no flag may fail a request
    return blocks.get(block_name or "", slice(0, 0))


def _norm_bound(matrix: Float32Array) -> float:
    squares = np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64)
    return float(np.sqrt(squares.max(initial=0.0)))
