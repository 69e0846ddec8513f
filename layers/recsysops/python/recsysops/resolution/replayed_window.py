"""Replays a logged window as if a hotfix had been deployed: old and new order of every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from recsysops.errors import ArtefactError, BadData, CouldNotJudge, FlagError
from recsysops.experiments.slate_log import OrderPairs
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.request_log.records import FullRequest
from recsysops.resolution.logged_window import LoggedWindow
from recsysops.serving.exploration import exploration_ranks
from recsysops.serving.hotfixes import is_exposed, pinned_model
from recsysops.serving.ranking import SHORTLIST, RankedSlate
from recsysops.serving.replay import (
    first_explored_rank,
    logged_hotfixes,
    logged_order,
    replay_record,
)
from recsysops.vocabulary import FlagDocument, Hotfix

MemberVectors = Callable[[str, str], Float32Array | None]
"""(model_id, member pseudonym) → the member's vector for that model, None when it has none."""


class Catalogues(Protocol):
    """Where a replay finds what was served; CatalogueCache is one."""

    def load(self, model_id: str, delta_id: str, hotfixes: Sequence[Hotfix] = ()) -> Catalogue:
        """Return the catalogue with hotfixes applied. Raises: ArtefactError."""

    def flag_document(self, version: str) -> FlagDocument:
        """Return a deployed flag document. Raises: FlagError."""


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedWindow:
    """Old and new greedy order of every group of a window, and the catalogues that ranked them.

    exposed: which groups the hotfix acts on. old, new: item ids in greedy order per group.
    catalogues: the hotfixed catalogue by (model_id, delta_id), for the items' features.
    """

    window: LoggedWindow
    exposed: tuple[bool, ...]
    old: tuple[tuple[str, ...], ...]
    new: tuple[tuple[str, ...], ...]
    pairs: OrderPairs
    catalogues: Mapping[tuple[str, str], Catalogue]


def replay_window(
    window: LoggedWindow,
    hotfix: Hotfix,
    catalogues: Catalogues,
    *,
    member_vectors: MemberVectors | None = None,
) -> ReplayedWindow:
    """Rank every distinct request of the window with the hotfix added to what was active.

    Members outside the hotfix's percentage keep their logged order. A hotfix of the same id
    that was active already is replaced.

    Raises: CouldNotJudge when the pinned model or its member vectors are not at hand.
    """
    used: dict[tuple[str, str], Catalogue] = {}
    exposed, new, eligible = [], [], []
    for record in window.representatives:
        acts = is_exposed(hotfix, record.member)
        slate = _replay(record, hotfix, catalogues, member_vectors, used) if acts else None
        exposed.append(acts)
        order = logged_order(record) if slate is None else slate.policy_order
        new.append(order[:SHORTLIST])
        eligible.append(record.eligible_count if slate is None else slate.eligible_count)
    old = tuple(logged_order(record)[:SHORTLIST] for record in window.representatives)
    return ReplayedWindow(
        window=window,
        exposed=tuple(exposed),
        old=old,
        new=tuple(new),
        pairs=_pair_orders(window.representatives, old, new, eligible),
        catalogues=used,
    )


def _replay(
    record: FullRequest,
    hotfix: Hotfix,
    catalogues: Catalogues,
    member_vectors: MemberVectors | None,
    used: dict[tuple[str, str], Catalogue],
) -> RankedSlate:
    model_id = pinned_model([hotfix]) or record.model_id
    vector = None
    if model_id != record.model_id and record.member_known:
        vector = _vector_for(model_id, record, member_vectors)
    try:
        active = _active_hotfixes(record, catalogues)
        hotfixes = (*(one for one in active if one.hotfix_id != hotfix.hotfix_id), hotfix)
        catalogue = catalogues.load(model_id, record.delta_id, hotfixes)
        if model_id != record.model_id:
            record = record.model_copy(update={"member_vector": None})
        used[(model_id, record.delta_id)] = catalogue
        return replay_record(record, catalogue, hotfixes=hotfixes, member_vector=vector)
    except (ArtefactError, BadData, FlagError) as error:
        raise CouldNotJudge(f"could not judge, because a replay failed: {error}") from error


def _active_hotfixes(record: FullRequest, catalogues: Catalogues) -> tuple[Hotfix, ...]:
    if not record.hotfix_ids:
        return ()
    return logged_hotfixes(record.hotfix_ids, catalogues.flag_document(record.flag_version))


def _vector_for(
    model_id: str, record: FullRequest, member_vectors: MemberVectors | None
) -> Float32Array:
    vector = None if member_vectors is None else member_vectors(model_id, record.member)
    if vector is None:
        raise CouldNotJudge(
            f"could not judge, because the vectors that members have for model {model_id} "
            "are not at hand"
        )
    return vector


def _pair_orders(
    records: Sequence[FullRequest],
    old: Sequence[tuple[str, ...]],
    new: Sequence[tuple[str, ...]],
    eligible: Sequence[int],
) -> OrderPairs:
    count = len(records)
    new_rank = np.full((count, SHORTLIST), -1, dtype=np.intp)
    old_rank = np.full((count, SHORTLIST), -1, dtype=np.intp)
    for group, (before, after) in enumerate(zip(old, new, strict=True)):
        new_rank[group, : len(before)] = _ranks_in(after, of=before)
        old_rank[group, : len(after)] = _ranks_in(before, of=after)
    return OrderPairs(
        new_rank=new_rank,
        old_rank=old_rank,
        limit=np.array([record.limit for record in records], dtype=np.intp),
        rate=np.array([record.explore_rate for record in records], dtype=np.float64),
        old_pool=_pools(records, [record.eligible_count for record in records]),
        new_pool=_pools(records, eligible),
    )


def _ranks_in(order: tuple[str, ...], *, of: tuple[str, ...]) -> list[int] | range:
    if order == of:
        return range(1, len(of) + 1)
    rank_of = {item_id: rank for rank, item_id in enumerate(order, start=1)}
    return [rank_of.get(item_id, 0) for item_id in of]


def _pools(records: Sequence[FullRequest], eligible: Sequence[int]) -> np.typing.NDArray[np.intp]:
    ranges = [
        exploration_ranks(record.limit, count, first=first_explored_rank(record))
        for record, count in zip(records, eligible, strict=True)
    ]
    bounds = [(one.start, one.stop - 1) for one in ranges]
    return np.array(bounds, dtype=np.intp).reshape(-1, 2)
