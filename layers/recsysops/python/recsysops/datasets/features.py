"""How the movie files of GroupLens and MovieTweetings write titles, years and genres."""

from __future__ import annotations

import re

from recsysops.vocabulary import ItemFeatures

_NO_GENRES = "(no genres listed)"
_YEAR_AT_END = re.compile(r"^(?P<title>.*?)\s*\((?P<year>\d{4})(?:[-–]\d{0,4})?\)\s*$")


def split_genres(text: str) -> tuple[str, ...]:
    """Split 'Comedy|Short' into its genres, in the file's order.

    >>> split_genres("Comedy|Short"), split_genres("(no genres listed)"), split_genres("")
    (('Comedy', 'Short'), (), ())
    """
    if text == _NO_GENRES:
        return ()
    return tuple(dict.fromkeys(genre for genre in text.split("|") if genre))


def split_title(text: str) -> tuple[str, int | None]:
    """Split 'The Bank (1915)' into title and year; None when no year is written.

    >>> split_title("The Bank (1915)"), split_title("Untitled")
    (('The Bank', 1915), ('Untitled', None))
    """
    match = _YEAR_AT_END.match(text)
    return (match["title"], int(match["year"])) if match else (text.strip(), None)


def describe_item(
    item_id: str, *, title: str | None, genres: tuple[str, ...], year: int | None, source: str
) -> ItemFeatures:
    """Return an item with what the files know; language, price, stock and launch they do not."""
    return ItemFeatures(
        item_id=item_id,
        title=title or f"untitled {item_id}",
        genres=genres,
        year=year,
        language=None,
        price=None,
        in_stock=None,
        launch_date=None,
        source=source,
        batch="",
        version=1,
    )
