"""A made-up catalogue of any size, written as the artefact bucket would hold it.

The folder holds what `loopback_aws` serves: `artefacts/…` (the bucket) and `member.json`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from recsysops.model.artefact import artefact_key, pack_artefact, unpack_artefact
from recsysops.model.delta import POINTER_KEY, delta_key, pack_delta
from recsysops.model.encoder import FeatureEncoder
from recsysops.model.packing import pack_vector
from recsysops.settings import Settings
from recsysops.vocabulary import ItemFeatures
from recsysops.workflows.load_catalogue import DeltaPointer, dump_delta_pointer

BUCKET = "bench-artefacts"
MEMBER = "m17"
SEEN = 50
CHANGED = 200
AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
GENRES = tuple(f"Genre {number:02d}" for number in range(18))
LANGUAGES = ("de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh")
ENCODER = FeatureEncoder(
    genres=GENRES,
    year_knots=(1950.0, 1970.0, 1980.0, 1990.0, 2000.0, 2005.0, 2010.0, 2015.0, 2020.0, 2025.0),
    languages=LANGUAGES,
    collaborative_width=26,
)


@dataclass(frozen=True)
class BenchWorld:
    """Where the world lies and what to ask of it."""

    folder: Path
    item_ids: tuple[str, ...]
    model_id: str
    delta_id: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables a deployed recommend_items function is given."""
        names = {
            name: f"bench-{name.replace('_', '-')}"
            for name, field in Settings.model_fields.items()
            if field.annotation is str
        }
        names |= {
            "stage": "laptop",
            "region": "us-east-1",
            "artefact_bucket": BUCKET,
            "poll_seconds": "30",
            # what a page may wait for is not what is measured, and a busy machine is slow
            "member_deadline_ms": "5000",
        }
        return {
            **{f"RECSYSOPS_{name.upper()}": value for name, value in names.items()},
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def draw_candidates(self, rng: np.random.Generator, count: int = 500) -> list[str]:
        """Return that many different item ids in no order."""
        return [self.item_ids[row] for row in rng.choice(len(self.item_ids), count, replace=False)]


def make_bench_world(folder: Path, *, items: int, seed: int = 0) -> BenchWorld:
    """Write a world of so many items."""
    rng = np.random.default_rng(seed)
    features = _draw_items(items, rng)
    ids = tuple(item.item_id for item in features)
    files = _artefact_files(ids, rng)
    artefact = unpack_artefact(files)
    changed = np.sort(rng.choice(items, size=min(CHANGED, items), replace=False))
    delta_id, body = pack_delta(
        as_of=AS_OF,
        model_id=artefact.model_id,
        half_life_days=(1.5, 10.0),
        items=features,
        log_popularity=np.log(artefact.play_counts + 0.5).astype(np.float32),
        changed_rows=changed,
        changed_vectors=artefact.item_matrix[changed] * np.float32(1.1),
    )
    pointer = dump_delta_pointer(DeltaPointer(delta_id, AS_OF, artefact.model_id))
    objects = {artefact_key(artefact.model_id, name): data for name, data in files.items()}
    for key, data in {**objects, delta_key(delta_id): body, POINTER_KEY: pointer}.items():
        path = folder / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    packed = pack_vector(rng.normal(size=ENCODER.width).astype(np.float32), owner=artefact.owner)
    (folder / "member.json").write_text(json.dumps(_member_row(artefact.model_id, packed, ids)))
    return BenchWorld(folder, ids, artefact.model_id, delta_id)


def _draw_items(count: int, rng: np.random.Generator) -> tuple[ItemFeatures, ...]:
    years, genres = rng.integers(1950, 2026, size=count), rng.integers(0, len(GENRES), (count, 2))
    languages, prices = rng.integers(0, len(LANGUAGES), count), rng.gamma(2.0, 5.0, count).round(2)
    return tuple(
        ItemFeatures(
            item_id=f"i{row:07d}",
            title=f"A title of some usual length, number {row}",
            genres=tuple(sorted({GENRES[genre] for genre in genres[row]})),
            year=int(years[row]),
            language=LANGUAGES[languages[row]],
            price=float(prices[row]),
            in_stock=True,
            launch_date=None,
            source=f"supplier-{row % 7}",
            batch="2026-03-01",
            version=1,
            simulated=("language", "price", "in_stock", "source", "batch"),
        )
        for row in range(count)
    )


def _artefact_files(ids: tuple[str, ...], rng: np.random.Generator) -> dict[str, bytes]:
    return pack_artefact(
        manifest={
            "trained_at": "2026-03-01T00:00:00+00:00",
            "trained_by": "bench",
            "data_hash": "none",
            "genres": ENCODER.genres,
            "year_knots": ENCODER.year_knots,
            "languages": ENCODER.languages,
            "collaborative_width": ENCODER.collaborative_width,
            "popularity": [
                {"half_life_days": 1.5, "weight": 0.9},
                {"half_life_days": 10.0, "weight": 0.1},
            ],
            "popularity_smoothing": 0.5,
        },
        item_ids=np.array(ids),
        item_matrix=rng.normal(size=(len(ids), ENCODER.width)).astype(np.float32),
        play_counts=rng.gamma(1.0, size=(len(ids), 2)),
    )


def _member_row(model_id: str, packed: bytes, ids: tuple[str, ...]) -> dict[str, object]:
    vectors = {model_id: {"B": base64.b64encode(packed).decode()}}
    return {
        "vectors": {"M": vectors},
        "seen": {"S": " ".join(ids[:: max(1, len(ids) // SEEN)][:SEEN])},
        "salt": {"S": "0f" * 16},
        "revision": {"N": "1"},
    }
