"""How a member's seen items grow: newest last, each once, bounded."""

from __future__ import annotations

from collections.abc import Sequence

SEEN_LIMIT = 4000
"""Items remembered per member; at 64 characters an id this stays below DynamoDB's 400 KB."""


def append_seen(
    seen: Sequence[str], new: Sequence[str], *, limit: int = SEEN_LIMIT
) -> tuple[str, ...]:
    """Return seen items with the new ones last, each id once, only the newest `limit`.

    >>> append_seen(("a", "b"), ("a", "c"), limit=2)
    ('a', 'c')
    """
    newest = dict.fromkeys(reversed([*seen, *new]))
    return tuple(reversed(list(newest)[:limit]))
