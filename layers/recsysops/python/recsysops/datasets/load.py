"""Which loader reads what a user points at."""

from __future__ import annotations

from pathlib import Path

from recsysops.datasets.movielens import load_movielens
from recsysops.datasets.rating_rows import Layout, read_dataset
from recsysops.datasets.text_files import open_tree
from recsysops.errors import BadData
from recsysops.model.interactions import Dataset

_FILES: tuple[tuple[str, str, Layout], ...] = (
    ("ratings.csv", "movies.csv", "csv"),
    ("ratings.dat", "movies.dat", "colons"),
)


def load_dataset(path: Path | None = None) -> Dataset:
    """Load MovieLens from the installed package, or a folder or zip of GroupLens or MovieTweetings.

    A folder or zip holds ratings.csv and movies.csv, or ratings.dat and movies.dat with '::'
    between fields; files may be gzipped, and .dat names may have more words in them.

    Raises: BadData in one line, with file and line number where one is to blame.
    """
    if path is None:
        return load_movielens()
    tree = open_tree(path)
    for ratings_name, movies_name, layout in _FILES:
        ratings, movies = tree.find(ratings_name), tree.find(movies_name)
        if ratings and movies:
            name = path.name.removesuffix(".zip") or "dataset"
            return read_dataset(
                name, ratings=tree.read(ratings), movies=tree.read(movies), layout=layout
            )
    raise BadData(
        f"{path}: holds neither ratings.csv and movies.csv nor ratings.dat and movies.dat; "
        f"it has {sorted(tree.readers)[:6]}"
    )
