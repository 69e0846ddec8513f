"""How active a member is, read from what a request excludes for them."""

from __future__ import annotations

from typing import Final

from recsysops.vocabulary import Activity

_LIGHT_BELOW: Final = 20
_REGULAR_BELOW: Final = 100


def name_activity(excluded_count: int) -> Activity:
    """Name the activity of a member by how many items they had seen or excluded.

    >>> [name_activity(count) for count in (0, 1, 20, 100)]
    ['none', 'light', 'regular', 'heavy']
    """
    if excluded_count == 0:
        return "none"
    if excluded_count < _LIGHT_BELOW:
        return "light"
    return "regular" if excluded_count < _REGULAR_BELOW else "heavy"
