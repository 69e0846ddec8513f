"""Counting the named steps of a long workflow for a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from recsysops.ports import Progress


def count_steps(progress: Progress | None, *, total: int) -> Callable[[str], None]:
    """Return a report that tells `progress` which step begins, and how many began before it.

    >>> told = []
    >>> report = count_steps(lambda *told_so: told.append(told_so), total=2)
    >>> report("load"), report("train"), told
    (None, None, [('load', 0, 2), ('train', 1, 2)])
    """
    done = count()

    def report(what: str) -> None:
        if progress is not None:
            progress(what, min(next(done), total), total)

    return report
