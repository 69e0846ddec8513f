"""The faults of the demo and of faults-check: what an upstream or pipeline mistake really writes.

Every fault is made from the same items and models that production has, changes them the way the
mistake would, and returns the truth. Only the demo and the checks may read the truth: detection
and diagnosis see the lake and the tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from recsysops.errors import BadInput
from recsysops.model.artefact import ModelArtefact, pack_artefact, unpack_artefact
from recsysops.model.kernel import Block, Float32Array
from recsysops.simulation.fault_names import FaultName
from recsysops.vocabulary import Component, ItemFeatures, Verdict

ZERO_FILLED_SHARE = 0.1
STALE_DAYS = 30
_SMALLEST_LANGUAGE = 40


@dataclass(frozen=True, slots=True)
class FaultTruth:
    """What a correct diagnosis must name; fields that do not apply are empty."""

    name: FaultName
    verdict: Verdict
    component: Component
    feature: str
    model_id: str = ""
    item_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorruptedItems:
    """The rows that the mistaken upstream job writes, and the truth."""

    rows: tuple[ItemFeatures, ...]
    truth: FaultTruth


def corrupt_items(
    name: FaultName, items: Sequence[ItemFeatures], *, rng: np.random.Generator, today: date
) -> CorruptedItems:
    """Return the rows that an input fault writes.

    Raises: BadInput when `name` is no input fault.
    """
    makers: dict[str, Callable[[], CorruptedItems]] = {
        "language_misconfigured": lambda: misconfigure_language(items, rng=rng, today=today),
        "numeric_zero_filled": lambda: zero_fill_number(items, rng=rng, today=today),
        "stale_supplier_batch": lambda: redeliver_old_batch(items, rng=rng, today=today),
        "supplier_genres_lost": lambda: lose_genres(items, rng=rng, today=today),
    }
    if name not in makers:
        raise BadInput(f"{name!r} is no input fault; choose from {sorted(makers)}")
    return makers[name]()


def misconfigure_language(
    items: Sequence[ItemFeatures], *, rng: np.random.Generator, today: date
) -> CorruptedItems:
    """Set every item of one language (not the most common one) to a wrong or missing language."""
    counts = Counter(item.language for item in items if item.language)
    ranked = [language for language, _ in counts.most_common()]
    candidates = [name for name in ranked[1:] if counts[name] >= _SMALLEST_LANGUAGE]
    wrong_from = str(rng.choice(sorted(candidates)))
    others = [None, "xx", *sorted(set(ranked) - {wrong_from})]
    wrong_to = others[int(rng.integers(len(others)))]
    hit = [item for item in items if item.language == wrong_from]
    return _corrupted(
        "language_misconfigured",
        feature="language",
        rows=[replace(item, language=wrong_to) for item in hit],
        today=today,
    )


def zero_fill_number(
    items: Sequence[ItemFeatures], *, rng: np.random.Generator, today: date
) -> CorruptedItems:
    """Set year or price to 0 on a tenth of the items."""
    feature = str(rng.choice(["year", "price"]))
    known = [item for item in items if getattr(item, feature) is not None]
    chosen = rng.choice(len(known), size=int(ZERO_FILLED_SHARE * len(items)), replace=False)
    zero = 0 if feature == "year" else 0.0
    rows = [_with_number(known[index], feature, zero) for index in sorted(chosen.tolist())]
    return _corrupted("numeric_zero_filled", feature=feature, rows=rows, today=today)


def redeliver_old_batch(
    items: Sequence[ItemFeatures], *, rng: np.random.Generator, today: date
) -> CorruptedItems:
    """Let one supplier deliver its batch of a month ago again: old date, old prices and stock."""
    source = str(rng.choice(sorted({item.source for item in items})))
    hit = [item for item in items if item.source == source]
    old_batch = (today - timedelta(days=STALE_DAYS)).isoformat()
    drift = np.exp(rng.normal(0.0, 0.05, size=len(hit)))
    rows = [
        replace(
            item,
            batch=old_batch,
            price=None if item.price is None else round(item.price * float(factor), 2),
            version=item.version + 1,
        )
        for item, factor in zip(hit, drift, strict=True)
    ]
    return CorruptedItems(
        rows=tuple(rows),
        truth=FaultTruth(
            name="stale_supplier_batch",
            verdict="input",
            component="item_features",
            feature="batch",
            item_ids=tuple(item.item_id for item in rows),
        ),
    )


def lose_genres(
    items: Sequence[ItemFeatures], *, rng: np.random.Generator, today: date
) -> CorruptedItems:
    """Let one supplier's delivery come without any genre, as after a join that found nothing."""
    source = str(rng.choice(sorted({item.source for item in items if item.genres})))
    return _corrupted(
        "supplier_genres_lost",
        feature="genres",
        rows=[replace(i, genres=()) for i in items if i.source == source and i.genres],
        today=today,
    )


@dataclass(frozen=True, slots=True)
class ZeroedArtefact:
    """A model as exported without one block: its files, its id, and which block was lost."""

    files: dict[str, bytes]
    block: Block
    model_id: str
    owner: bytes


def zero_one_block(artefact: ModelArtefact, *, rng: np.random.Generator) -> ZeroedArtefact:
    """Return the artefact as a buggy export would write it: one block of the matrix all zeros.

    The export loses the block of the member vectors too (`lose_block`). Item columns alone would
    not do: content is encoded again from raw features with the next snapshot, so a content block
    that only the items lost heals before it is served.
    """
    spreads = {
        block: float(np.abs(artefact.item_matrix[:, block.start : block.stop]).sum())
        for block in artefact.encoder.blocks
    }
    candidates = [block for block, spread in spreads.items() if spread > 0]
    if not candidates:
        raise BadInput(f"{artefact.model_id} has no block that a broken export could lose")
    block = candidates[int(rng.integers(len(candidates)))]
    matrix = artefact.item_matrix.copy()
    matrix[:, block.start : block.stop] = 0.0
    manifest = artefact.manifest.model_dump(exclude={"model_id", "schema_hash", "files"})
    files = pack_artefact(
        manifest=manifest,
        item_ids=artefact.item_ids,
        item_matrix=matrix,
        play_counts=artefact.play_counts,
    )
    exported = unpack_artefact(files)
    return ZeroedArtefact(
        files=files, block=block, model_id=exported.model_id, owner=exported.owner
    )


def lose_block(vector: Float32Array, block: Block) -> Float32Array:
    """Return a member vector without one block, (d,)."""
    lost = vector.copy()
    lost[block.start : block.stop] = 0.0
    return lost


def _corrupted(
    name: FaultName, *, feature: str, rows: Sequence[ItemFeatures], today: date
) -> CorruptedItems:
    written = tuple(
        replace(item, batch=today.isoformat(), version=item.version + 1) for item in rows
    )
    return CorruptedItems(
        rows=written,
        truth=FaultTruth(
            name=name,
            verdict="input",
            component="item_features",
            feature=feature,
            item_ids=tuple(item.item_id for item in written),
        ),
    )


def _with_number(item: ItemFeatures, feature: str, value: float) -> ItemFeatures:
    return replace(item, year=int(value)) if feature == "year" else replace(item, price=value)
