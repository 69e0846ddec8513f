"""How long to wait before trying again: doubling, capped, with jitter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

Sleep = Callable[[float], None]


def wait_between(
    attempts: int,
    *,
    first_seconds: float,
    longest_seconds: float,
    sleep: Sleep = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Iterator[int]:
    """Yield attempt numbers 0, 1, …, sleeping before every one but the first.

    The wait before attempt n is between half and all of min(longest, first · 2^(n-1)) ("equal
    jitter", Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015).

    >>> waits = []
    >>> list(wait_between(4, first_seconds=1, longest_seconds=2, sleep=waits.append,
    ...                   jitter=lambda: 1.0)), waits
    ([0, 1, 2, 3], [1.0, 2.0, 2.0])
    """
    for attempt in range(attempts):
        if attempt:
            longest = min(longest_seconds, first_seconds * 2.0 ** (attempt - 1))
            sleep(longest * (0.5 + 0.5 * jitter()))
        yield attempt
