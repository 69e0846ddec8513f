"""Our own log as decisions: every shown slot either kept its greedy item or explored.

Context = slot of a slate of that length; action 0 keeps the greedy item, action 1 draws one from
below the slate. On that level the new policies are tables, and a ratio never depends on which of
the forty items was drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import Float64Array
from recsysops.experiments.off_policy.decisions import Decisions
from recsysops.request_log.records import SlimRequest

KEEP, EXPLORE = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class SlotDecisions:
    """The slots of a window as decisions.

    slots: (length of the slate, slot from 1) of every context. requests: lines behind them.
    left_out: lines whose slots were not filled by this one draw (no slot, or a single one).
    """

    decisions: Decisions
    slots: tuple[tuple[int, int], ...]
    requests: int
    left_out: int


def read_slot_decisions(
    lines: Iterable[SlimRequest], rewarded: Mapping[str, Collection[str]]
) -> SlotDecisions:
    """Read slim lines as decisions; a slot's reward is 1 when its item was acted on.

    Args:
        lines: slim lines, each request once.
        rewarded: item ids acted on, by request id.

    Raises: CouldNotJudge when no line is left or none explored.
    """
    lines = list(lines)
    told = [(line, slot) for line in lines if (slot := _explored_slot(line)) is not None]
    if not any(slot for _, slot in told):
        raise CouldNotJudge("could not judge, because no request of the window explored")
    context_of: dict[tuple[int, int], int] = {}
    cluster_of: dict[str, int] = {}
    rows = [
        (
            context_of.setdefault((len(line.shown), slot), len(context_of)),
            EXPLORE if slot == explored else KEEP,
            float(item_id in rewarded.get(line.request_id, ())),
            _chance(line, explores=slot == explored),
            cluster_of.setdefault(line.member, len(cluster_of)),
        )
        for line, explored in told
        for slot, item_id in enumerate(line.shown, start=1)
    ]
    contexts, actions, rewards, propensities, clusters = zip(*rows, strict=True)
    decisions = Decisions(
        context=np.array(contexts, dtype=np.intp),
        action=np.array(actions, dtype=np.intp),
        reward=np.array(rewards, dtype=np.float64),
        propensity=np.array(propensities, dtype=np.float64),
        cluster=np.array(clusters, dtype=np.intp),
    )
    return SlotDecisions(decisions, tuple(context_of), len(told), len(lines) - len(told))


def exploring_policy(slots: Iterable[tuple[int, int]], *, rate: float) -> Float64Array:
    """Return the policy that explores on a share `rate` of requests, one slot each, (C, 2).

    Rate 0 is the greedy policy.
    """
    shares = np.array([rate / length for length, _ in slots], dtype=np.float64)
    return np.column_stack([1.0 - shares, shares])


def count_explored_rewards(decisions: Decisions) -> int:
    """Return how many explored slots were rewarded."""
    return int(((decisions.action == EXPLORE) & (decisions.reward > 0.0)).sum())


def _explored_slot(line: SlimRequest) -> int | None:
    """Return the slot (from 1) that explored, 0 when none did, None when nobody can tell."""
    if len(line.shown) < 2 or len(line.propensities) != len(line.shown):
        return None
    keep = max(line.propensities)
    unlike = [at for at, chance in enumerate(line.propensities, start=1) if chance != keep]
    if line.arm == "greedy":
        return 0 if not unlike else None
    return unlike[0] if len(unlike) == 1 else None


def _chance(line: SlimRequest, *, explores: bool) -> float:
    """Return how likely a slot was to explore, or to keep its item."""
    keep = max(line.propensities)
    return 1.0 - keep if explores else keep
