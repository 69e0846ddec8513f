"""How a story waits for deployed state: it asks again until the answer is good or time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and how long between two questions."""

    limit_seconds: float = 60.0
    pause_seconds: float = 0.25
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def ask(self, question: Callable[[], Answer], *, until: Callable[[Answer], bool]) -> Answer:
        """Ask until the answer is good or the limit has passed; returns the last answer.

        The caller looks at what came back: an answer that never got good is evidence.
        """
        deadline = self.monotonic() + self.limit_seconds
        while True:
            answer = question()
            if until(answer) or self.monotonic() >= deadline:
                return answer
            self.sleep(self.pause_seconds)
