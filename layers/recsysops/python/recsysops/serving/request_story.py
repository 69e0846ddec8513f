"""Tells one logged request: who was eligible, what made every score, what exploration did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np

from recsysops.model.catalogue import Catalogue, day_of
from recsysops.request_log.records import FullRequest
from recsysops.serving.explanation import ItemExplanation, Reason, explain_slate
from recsysops.serving.exploration import exploration_ranks
from recsysops.serving.filters import matching_items
from recsysops.serving.ranking import RankingRequest
from recsysops.serving.replay import first_explored_rank, logged_order
from recsysops.serving.what_if import RankedCase, Standing, find_standings
from recsysops.vocabulary import Hotfix, ShownItem


@dataclass(frozen=True, slots=True)
class Eligibility:
    """How many items each rule took out, one after the other; what is left was ranked.

    considered: the whole catalogue, or the given candidates that it knows. unknown: candidates
    that it does not.
    """

    considered: int
    unknown: int
    not_launched: int
    seen_or_excluded: int
    blocked: int
    filtered: int
    eligible: int


@dataclass(frozen=True, slots=True)
class ExplorationStory:
    """What exploration did: on a `rate` of requests one slot draws a rank from the pool.

    slot, rank, item_id: None when this request did not explore. pool: first and last rank, None
    when nothing is left below the slate.
    """

    arm: str
    rate: float
    pool: tuple[int, int] | None
    slot: int | None
    rank: int | None
    item_id: str | None


@dataclass(frozen=True, slots=True)
class ShownItemStory:
    """One shown item: features as they were served, and what each adds to the score.

    reason, text: see `explain_slate`. features: (name, contribution), the largest first; they sum
    to the score as the blocks do. raw: the raw features; simulated: which are not real data.
    """

    item_id: str
    title: str
    propensity: float
    standing: Standing
    reason: Reason
    text: str
    features: tuple[tuple[str, float], ...]
    raw: dict[str, object]
    simulated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestStory:
    """Everything a logged request was made of, in the order in which it happened."""

    request_id: str
    event_time: str
    surface: str
    member: str
    member_known: bool
    session_items: tuple[str, ...]
    status: str
    fallback_reason: str | None
    model_id: str
    delta_id: str
    context: dict[str, object]
    hotfixes: tuple[dict[str, object], ...]
    filters: dict[str, object]
    surface_plan: dict[str, object]
    eligibility: Eligibility
    exploration: ExplorationStory
    items: tuple[ShownItemStory, ...]


def tell_request(
    record: FullRequest, case: RankedCase, *, hotfixes: Sequence[Hotfix] = ()
) -> RequestStory:
    """Explain a record from its own replay.

    Args:
        record: what was logged.
        case: the record ranked again.
        hotfixes: those the request was exposed to.
    """
    shown = case.slate.shown
    explained = explain_slate(
        case.catalogue, case.request, case.slate, seen=record.excluded, per_feature=True
    )
    standings = find_standings(case, [item.item_id for item in shown])
    return RequestStory(
        request_id=record.request_id,
        event_time=record.event_time.isoformat(),
        surface=record.surface,
        member=record.member,
        member_known=record.member_known,
        session_items=tuple(record.session_items),
        status=record.status,
        fallback_reason=record.fallback_reason,
        model_id=case.catalogue.model_id,
        delta_id=case.catalogue.delta_id,
        context=_read_json(record.context),
        hotfixes=tuple(
            {"hotfix_id": one.hotfix_id, "kind": one.kind, "params": dict(one.params)}
            for one in hotfixes
        ),
        filters=_read_json(record.filters),
        surface_plan=_read_json(record.surface_plan),
        eligibility=count_eligible(case.catalogue, case.request),
        exploration=tell_exploration(record),
        items=tuple(
            _tell_item(case, item, standing, explained[item.item_id])
            for item, standing in zip(shown, standings, strict=True)
        ),
    )


def count_eligible(catalogue: Catalogue, request: RankingRequest) -> Eligibility:
    """Count what each rule takes out of what was considered, in the order of the fields."""
    wanted = dict.fromkeys(request.candidates)
    left = np.ones(len(catalogue.bias), dtype=np.bool_)
    if wanted:
        left[:] = False
        left[_rows(catalogue, wanted)] = True
    counts = [int(left.sum())]
    for allowed in (
        catalogue.launch_days <= day_of(request.event_time),
        ~_mask(catalogue, request.excluded),
        ~_mask(catalogue, request.blocked),
        matching_items(catalogue, request.filters),
    ):
        left &= allowed
        counts.append(int(left.sum()))
    not_launched, excluded, blocked, filtered = (a - b for a, b in pairwise(counts))
    return Eligibility(
        considered=counts[0],
        unknown=sum(item_id not in catalogue.row_of for item_id in wanted),
        not_launched=not_launched,
        seen_or_excluded=excluded,
        blocked=blocked,
        filtered=filtered,
        eligible=counts[-1],
    )


def tell_exploration(record: FullRequest) -> ExplorationStory:
    """Tell from a record which slot explored, if one did, and from which ranks it drew."""
    order = logged_order(record)
    ranks = exploration_ranks(
        record.limit, record.eligible_count, first=first_explored_rank(record)
    )
    greedy = order[: len(record.shown)]
    drawn = [at for at, item_id in enumerate(record.shown) if item_id != greedy[at]]
    slot = drawn[0] if record.arm == "explore" and drawn else None
    return ExplorationStory(
        arm=record.arm,
        rate=record.explore_rate,
        pool=(ranks.start, ranks.stop - 1) if ranks else None,
        slot=None if slot is None else slot + 1,
        rank=None if slot is None else order.index(record.shown[slot]) + 1,
        item_id=None if slot is None else record.shown[slot],
    )


def _tell_item(
    case: RankedCase, item: ShownItem, standing: Standing, explained: ItemExplanation
) -> ShownItemStory:
    features = case.catalogue.items[case.catalogue.row_of[item.item_id]]
    raw = asdict(features)
    for name in ("item_id", "title", "simulated"):
        raw.pop(name)
    added = (explained.features or {}).items()
    return ShownItemStory(
        item_id=item.item_id,
        title=features.title,
        propensity=item.propensity,
        standing=standing,
        reason=explained.reason,
        text=explained.text,
        features=tuple(sorted(added, key=lambda pair: -abs(pair[1]))),
        raw=raw,
        simulated=features.simulated,
    )


def _rows(catalogue: Catalogue, item_ids: Iterable[str]) -> list[int]:
    return [catalogue.row_of[item_id] for item_id in item_ids if item_id in catalogue.row_of]


def _mask(catalogue: Catalogue, item_ids: Iterable[str]) -> np.typing.NDArray[np.bool_]:
    mask = np.zeros(len(catalogue.bias), dtype=np.bool_)
    mask[_rows(catalogue, item_ids)] = True
    return mask


def _read_json(text: str | None) -> dict[str, object]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
