"""Small hand-made catalogues and hotfixes for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from recsysops.model.catalogue import Catalogue
from recsysops.model.encoder import FeatureEncoder
from recsysops.vocabulary import Hotfix, ItemFeatures

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENCODER = FeatureEncoder(
    genres=("Comedy", "Drama"),
    year_knots=(1980.0, 2000.0, 2020.0),
    languages=("en", "fr"),
    collaborative_width=2,
)


def make_item(item_id: str, **changes: object) -> ItemFeatures:
    plain: dict[str, object] = {
        "item_id": item_id,
        "title": f"Title {item_id}",
        "genres": ("Drama",),
        "year": 1990,
        "language": "en",
        "price": 3.5,
        "in_stock": True,
        "launch_date": None,
        "source": "supplier-1",
        "batch": "2026-02-01",
        "version": 1,
    }
    return ItemFeatures(**{**plain, **changes})  # type: ignore[arg-type]


def make_catalogue(count: int = 6, seed: int = 0) -> Catalogue:
    rng = np.random.default_rng(seed)
    items = tuple(
        make_item(
            f"i{row}",
            genres=(("Comedy",), ("Drama",), ("Comedy", "Drama"))[row % 3],
            year=1980 + 7 * row % 41,
            language=("en", "fr", None)[row % 3],
        )
        for row in range(count)
    )
    matrix = np.zeros((count, ENCODER.width), dtype=np.float32)
    for row, item in enumerate(items):
        matrix[row, : ENCODER.content_width] = ENCODER.encode(item)
    matrix[:, ENCODER.content_width :] = rng.normal(size=(count, 2))
    return Catalogue(
        model_id="m-1",
        delta_id="d-1",
        owner=b"owner-01",
        encoder=ENCODER,
        items=items,
        row_of={item.item_id: row for row, item in enumerate(items)},
        matrix=matrix,
        bias=rng.normal(size=count).astype(np.float32),
        launch_days=np.full(count, -(2**31), dtype=np.int64),
        largest_row_norm=float(np.sqrt((matrix**2).sum(axis=1).max(initial=0.0))),
    )


def make_hotfix(kind: str, params: dict[str, object], **changes: object) -> Hotfix:
    plain: dict[str, object] = {
        "hotfix_id": f"fix-{kind}",
        "kind": kind,
        "params": params,
        "percent": 100.0,
        "salt": "salt-1",
        "owner": "ada",
        "reason": "a test",
        "expires_at": NOW + timedelta(days=1),
    }
    return Hotfix(**{**plain, **changes})  # type: ignore[arg-type]
