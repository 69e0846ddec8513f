"""A window of the request log, arranged so that every distinct ranking is replayed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.experiments.slate_log import IntArray, SlateRecords, WindowTotals
from recsysops.request_log.records import FeedbackEvent, FullRequest, SlimRequest
from recsysops.serving.replay import logged_order
from recsysops.vocabulary import FeedbackKind, Traffic


@dataclass(frozen=True, slots=True, eq=False)
class LoggedWindow:
    """Full records of a window, what members did, and the totals of all its requests.

    representatives: one record per group of equal ranking inputs. choices: per record the
    item ids the member acted on, shown or not. members: pseudonyms in cluster order.
    """

    representatives: tuple[FullRequest, ...]
    records: SlateRecords
    totals: WindowTotals
    members: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    kind: FeedbackKind
    traffic: Traffic


def arrange_window(
    records: Sequence[FullRequest],
    slim: Sequence[SlimRequest],
    feedback: Iterable[FeedbackEvent],
    *,
    kind: FeedbackKind = "click",
) -> LoggedWindow:
    """Arrange a window's rows; an action counts once per request and item.

    Records that showed nothing are left out; they have nothing another order could change. So
    are requests whose policy drew more than one slot: a preview judges the others. So
    are full records without a slim line: the window's totals would not know them.
    """
    acted = _acted(feedback, kind)
    answered = [line for line in slim if line.shown and line.policy is None]
    members = {line.member: None for line in answered}
    cluster_of = {member: number for number, member in enumerate(members)}
    known = {line.request_id for line in answered}
    kept = [record for record in records if record.shown and record.request_id in known]
    representatives, group = _group(kept)
    return LoggedWindow(
        representatives=representatives,
        records=_to_records(kept, acted, cluster_of, group),
        totals=_to_totals(answered, acted, cluster_of),
        members=tuple(members),
        choices=tuple(tuple(acted.get(record.request_id, ())) for record in kept),
        kind=kind,
        traffic=kept[0].traffic if kept else "live",
    )


def _acted(feedback: Iterable[FeedbackEvent], kind: FeedbackKind) -> dict[str, dict[str, None]]:
    """Return the items acted on by request, in order, without repeats."""
    acted: dict[str, dict[str, None]] = {}
    for event in feedback:
        if event.kind == kind and event.request_id:
            acted.setdefault(event.request_id, {})[event.item_id] = None
    return acted


def _group(records: Sequence[FullRequest]) -> tuple[tuple[FullRequest, ...], IntArray]:
    """Number the distinct ranking inputs; exploration hashes differ inside a group."""
    number_of: dict[tuple[object, ...], int] = {}
    representatives: list[FullRequest] = []
    group = np.empty(len(records), dtype=np.intp)
    for at, record in enumerate(records):
        key = (
            record.model_id,
            record.delta_id,
            record.flag_version,
            tuple(record.hotfix_ids),
            record.member,
            record.member_vector,
            record.surface,
            record.limit,
            record.explore_rate,
            record.explore_first_rank,
            record.filters,
            record.surface_plan,
            tuple(record.session_items),
            tuple(record.candidates),
            tuple(record.excluded),
            record.event_time.date(),  # launches become eligible by the day
        )
        group[at] = number_of.setdefault(key, len(representatives))
        if group[at] == len(representatives):
            representatives.append(record)
    return tuple(representatives), group


def _to_records(
    records: Sequence[FullRequest],
    acted: dict[str, dict[str, None]],
    cluster_of: dict[str, int],
    group: IntArray,
) -> SlateRecords:
    explored = [explored_slot(record) for record in records]
    ranks = [
        logged_order(record).index(record.shown[slot - 1]) + 1 if slot else 0
        for record, slot in zip(records, explored, strict=True)
    ]
    clicks = [
        (at, record.shown.index(item_id) + 1)
        for at, record in enumerate(records)
        for item_id in acted.get(record.request_id, ())
        if item_id in record.shown
    ]
    clicked = np.array(clicks, dtype=np.intp).reshape(-1, 2)
    return SlateRecords(
        group=group,
        cluster=np.array([cluster_of[record.member] for record in records], dtype=np.intp),
        weight=np.array([1.0 / record.inclusion_probability for record in records]),
        explored_slot=np.array(explored, dtype=np.intp),
        explored_rank=np.array(ranks, dtype=np.intp),
        greedy_propensity=np.array([_greedy_propensity(record) for record in records]),
        explored_propensity=np.array(
            [
                record.propensities[slot - 1] if slot else 0.0
                for record, slot in zip(records, explored, strict=True)
            ]
        ),
        click_record=clicked[:, 0],
        click_slot=clicked[:, 1],
    )


def explored_slot(row: FullRequest | SlimRequest) -> int:
    """Return the slot (from 1) that exploration filled, 0 for the greedy arm.

    It is the least likely slot: a greedy item keeps its slot nearly always.
    """
    if row.arm != "explore":
        return 0
    return 1 + row.propensities.index(min(row.propensities))


def _greedy_propensity(record: FullRequest) -> float:
    return max(record.propensities) if len(record.shown) > 1 else 1.0 - record.explore_rate


def _to_totals(
    slim: Sequence[SlimRequest], acted: dict[str, dict[str, None]], cluster_of: dict[str, int]
) -> WindowTotals:
    requests, clicks = np.zeros(len(cluster_of)), np.zeros(len(cluster_of))
    explored: list[tuple[int, int]] = []
    for line in slim:
        cluster = cluster_of[line.member]
        requests[cluster] += 1.0
        hits = [item_id for item_id in acted.get(line.request_id, ()) if item_id in line.shown]
        clicks[cluster] += len(hits)
        slot = explored_slot(line) if hits else 0
        if slot and line.shown[slot - 1] in hits:
            explored.append((slot, len(line.shown)))
    slots = np.array(explored, dtype=np.intp).reshape(-1, 2)
    return WindowTotals(
        requests=requests,
        clicks=clicks,
        explored_click_slots=slots[:, 0],
        explored_click_limits=slots[:, 1],
    )
