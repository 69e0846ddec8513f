"""Rating and movie rows of GroupLens and MovieTweetings files, each checked by line."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from recsysops.datasets.features import describe_item, split_genres, split_title
from recsysops.datasets.text_files import TextFile
from recsysops.model.interactions import Dataset, make_interactions
from recsysops.vocabulary import ID_PATTERN, ItemFeatures

Layout = Literal["csv", "colons"]

_HEADERS = {"ratings": "userId,movieId,rating,timestamp", "movies": "movieId,title,genres"}
_KNOWN_ID = re.compile(ID_PATTERN)


@dataclass(slots=True)
class _RatingColumns:
    members: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


def read_dataset(name: str, *, ratings: TextFile, movies: TextFile, layout: Layout) -> Dataset:
    """Read both files; every rated movie must be listed.

    Raises: BadData in one line with file and line number.
    """
    items = _read_movies(movies, layout=layout, source=name)
    columns = _read_ratings(ratings, layout=layout, known=items, movies_label=movies.label)
    interactions = make_interactions(
        members=columns.members,
        items=columns.items,
        times=np.array(columns.times, dtype=np.float64),
        values=np.array(columns.values, dtype=np.float32),
        item_ids=items,
    )
    return Dataset(name, interactions, tuple(items[key] for key in interactions.item_ids))


def _read_movies(file: TextFile, *, layout: Layout, source: str) -> dict[str, ItemFeatures]:
    items: dict[str, ItemFeatures] = {}
    for number, (item_id, text, genres) in _fields(file, layout, kind="movies", width=3):
        _check_id(file, number, "movie", item_id)
        if item_id in items:
            raise file.complaint(number, f"movie {item_id!r} is listed twice")
        title, year = split_title(text)
        items[item_id] = describe_item(
            item_id, title=title, genres=split_genres(genres), year=year, source=source
        )
    if not items:
        raise file.complaint(1, "no movies in this file")
    return items


def _read_ratings(
    file: TextFile, *, layout: Layout, known: dict[str, ItemFeatures], movies_label: str
) -> _RatingColumns:
    columns = _RatingColumns()
    for number, (member, item, value, time) in _fields(file, layout, kind="ratings", width=4):
        _check_id(file, number, "user", member)
        if item not in known:
            raise file.complaint(number, f"movie {item!r} is not listed in {movies_label}")
        columns.members.append(member)
        columns.items.append(item)
        columns.values.append(_number(file, number, "rating", value))
        columns.times.append(_number(file, number, "timestamp", time))
    if not columns.members:
        raise file.complaint(1, "no ratings in this file")
    return columns


def _fields(
    file: TextFile, layout: Layout, *, kind: str, width: int
) -> Iterator[tuple[int, list[str]]]:
    for number, fields in _split_lines(file, layout, header=_HEADERS[kind]):
        if len(fields) != width:
            raise file.complaint(number, f"{len(fields)} fields where {width} belong")
        yield number, fields


def _split_lines(file: TextFile, layout: Layout, *, header: str) -> Iterator[tuple[int, list[str]]]:
    if layout == "colons":
        yield from ((n, line.split("::")) for n, line in enumerate(file.lines, start=1) if line)
        return
    if not file.lines or file.lines[0].strip() != header:
        found = file.lines[0][:60] if file.lines else ""
        raise file.complaint(1, f"header is {found!r}, not {header!r}")
    reader = csv.reader(file.lines[1:])
    yield from ((reader.line_num + 1, fields) for fields in reader if fields)


def _check_id(file: TextFile, number: int, what: str, value: str) -> None:
    if not _KNOWN_ID.match(value):
        raise file.complaint(number, f"{what} id {value[:40]!r} is not letters, digits, '_.:-'")


def _number(file: TextFile, line_number: int, what: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0.0:
        raise file.complaint(line_number, f"{what} {text[:40]!r} is not a number from 0")
    return value
