"""Repeats a logged request and compares the result with what was logged, bit for bit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadData
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array, Float64Array, numeric_fingerprint
from recsysops.request_log.digest import digest_inputs
from recsysops.request_log.records import FullRequest
from recsysops.serving.exploration import first_rank_before_v2
from recsysops.serving.fallback import fold_in_items, read_vector
from recsysops.serving.filters import load_filters
from recsysops.serving.hotfixes import blocked_items, uses_popularity_only
from recsysops.serving.propensity import settle_propensities
from recsysops.serving.ranking import RankedSlate, RankingRequest, policy_order, rank_slate
from recsysops.serving.surface_plan import load_surface_plan
from recsysops.vocabulary import FlagDocument, Hotfix, Surface


@dataclass(frozen=True, slots=True)
class ReplayVerdict:
    """How a repeated request compares with its record.

    bit_equal: scores, contributions, order, slate, arm, counts and propensities are the same
    bits. same_order: the shortlist is the same. max_ulp: largest distance of two scores of one
    item in units of the last float32 place. differences: the record's fields that differ.
    block_differences: the largest difference of each block's contributions to an item that both
    shortlists hold, in the order of the record's blocks.
    """

    bit_equal: bool
    same_order: bool
    max_ulp: int
    differences: tuple[str, ...]
    block_differences: tuple[float, ...] = ()


class LoggedInputs(Protocol):
    """The inputs of a ranking as logged: a full record, or a row with only these columns."""

    @property
    def request_id(self) -> str:
        """Id of the request."""

    @property
    def event_time(self) -> datetime:
        """When the request happened."""

    @property
    def surface(self) -> Surface:
        """Where it came from."""

    @property
    def limit(self) -> int:
        """Slots asked for."""

    @property
    def candidates(self) -> list[str]:
        """Given candidates, empty for the whole catalogue."""

    @property
    def excluded(self) -> list[str]:
        """Seen and excluded items."""

    @property
    def member_vector(self) -> str | None:
        """Base64 of the packed vector."""

    @property
    def explore_rate(self) -> float:
        """Share of requests that explore."""

    @property
    def explore_first_rank(self) -> int | None:
        """First rank that exploration draws from, None in records of schema version 1."""

    @property
    def filters(self) -> str | None:
        """JSON of the attribute filters, None without any."""

    @property
    def session_items(self) -> list[str]:
        """Items that the member's vector was folded in from."""

    @property
    def surface_plan(self) -> str | None:
        """JSON of the surface's plan, None for the greedy order."""


def refuse_changed_inputs(record: FullRequest) -> None:
    """Check a record's inputs against its digest. Raises: BadData when any bit changed."""
    found = digest_inputs(record)
    if found != record.input_digest:
        raise BadData(
            f"{record.request_id}: inputs hash to {found[:12]}, "
            f"the record says {record.input_digest[:12]}: they were changed after logging"
        )


def replay_record(
    record: FullRequest,
    catalogue: Catalogue,
    *,
    hotfixes: Sequence[Hotfix] = (),
    member_vector: Float32Array | None = None,
) -> RankedSlate:
    """Rank a logged request again.

    Args:
        record: what was logged.
        catalogue: what to rank, overrides and masks already applied.
        hotfixes: those that act on the request (blocked items, popularity fallback).
        member_vector: another vector instead of the logged one, for what-if questions.

    Raises: ArtefactError when the logged vector is of another model; BadData when garbled.
    """
    request = ranking_request_of(record, catalogue, hotfixes=hotfixes, member_vector=member_vector)
    return settle_propensities(catalogue, request, rank_slate(catalogue, request))


def ranking_request_of(
    record: LoggedInputs,
    catalogue: Catalogue,
    *,
    hotfixes: Sequence[Hotfix] = (),
    member_vector: Float32Array | None = None,
) -> RankingRequest:
    """Return the ranking request a record describes. Raises: as `replay_record`."""
    if member_vector is None:
        member_vector = logged_vector(record.member_vector, catalogue)
    if member_vector is None:
        member_vector = fold_in_items(catalogue, record.session_items)
    if uses_popularity_only(hotfixes, record.surface):
        member_vector = None
    return RankingRequest(
        request_id=record.request_id,
        event_time=record.event_time,
        limit=record.limit,
        candidates=tuple(record.candidates),
        excluded=tuple(record.excluded),
        member_vector=member_vector,
        explore_rate=record.explore_rate,
        blocked=blocked_items(hotfixes),
        filters=load_filters(record.filters),
        explore_first=first_explored_rank(record),
        surface_plan=load_surface_plan(record.surface_plan),
        session_items=tuple(record.session_items),
    )


def first_explored_rank(record: LoggedInputs) -> int:
    """Return the first greedy rank that exploration could draw from."""
    return record.explore_first_rank or first_rank_before_v2(record.limit)


def logged_order(record: FullRequest) -> tuple[str, ...]:
    """Return the order that the record's exploration counted its ranks in."""
    return policy_order(record.shortlist, record.planned)


def logged_vector(encoded: str | None, catalogue: Catalogue) -> Float32Array | None:
    """Read a record's base64 packed vector; None stays None. Raises: ArtefactError, BadData."""
    if encoded is None:
        return None
    try:
        packed = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise BadData(f"member_vector is not base64: {error}") from error
    return read_vector(packed, catalogue)


def logged_hotfixes(hotfix_ids: Sequence[str], document: FlagDocument) -> tuple[Hotfix, ...]:
    """Return the hotfixes a record names from the document it names, in the record's order.

    Raises: BadData when the document lacks one.
    """
    by_id = {hotfix.hotfix_id: hotfix for hotfix in document.hotfixes}
    missing = [hotfix_id for hotfix_id in hotfix_ids if hotfix_id not in by_id]
    if missing:
        raise BadData(f"flag document {document.version} has no hotfix {missing[0]!r}")
    return tuple(by_id[hotfix_id] for hotfix_id in hotfix_ids)


def compare_replay(record: FullRequest, slate: RankedSlate) -> ReplayVerdict:
    """Compare a repeated slate with its record."""
    same = {
        "shortlist": tuple(record.shortlist) == slate.shortlist,
        "scores": _same_bits(record.scores, slate.scores),
        "blocks": tuple(record.blocks) == slate.block_names,
        "contributions": _same_bits(record.contributions, slate.contributions.ravel()),
        "planned": tuple(record.planned) == slate.planned,
        "shown": record.shown == [item.item_id for item in slate.shown],
        "propensities": record.propensities == [item.propensity for item in slate.shown],
        "policy": record.policy == slate.policy,
        "propensity_errors": tuple(record.propensity_errors) == slate.propensity_errors,
        "arm": record.arm == slate.arm,
        "eligible_count": record.eligible_count == slate.eligible_count,
    }
    return ReplayVerdict(
        bit_equal=all(same.values()),
        same_order=same["shortlist"],
        # where the bits are the same nothing is left to measure, which is nearly everywhere
        max_ulp=0 if same["shortlist"] and same["scores"] else _largest_ulp(record, slate),
        differences=tuple(name for name, is_same in same.items() if not is_same),
        block_differences=(0.0,) * len(record.blocks)
        if same["shortlist"] and same["blocks"] and same["contributions"]
        else _block_differences(record, slate),
    )


def is_same_machine(record: FullRequest) -> bool:
    """Return whether bits may be compared: same numpy, kernel version and architecture."""
    return record.fingerprint == numeric_fingerprint()


def ulp_distance(left: Float32Array, right: Float32Array) -> NDArray[np.int64]:
    """Return how many float32 numbers lie between two scores, elementwise, (n,).

    >>> ulp_distance(np.float32([1.0]), np.nextafter(np.float32([1.0]), np.float32(2))).tolist()
    [1]
    """
    distance: NDArray[np.int64] = np.abs(_ordered_integers(left) - _ordered_integers(right))
    return distance


def _ordered_integers(scores: Float32Array) -> NDArray[np.int64]:
    # bits of negative floats run backwards: mirror them so that neighbours differ by one
    bits = np.ascontiguousarray(scores, dtype=np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _block_differences(record: FullRequest, slate: RankedSlate) -> tuple[float, ...]:
    if tuple(record.blocks) != slate.block_names:
        return ()
    logged = np.array(record.contributions, dtype=np.float64).reshape(-1, len(record.blocks))
    row_of = dict(zip(record.shortlist, range(len(logged)), strict=False))
    both = [(row_of[one], at) for at, one in enumerate(slate.shortlist) if one in row_of]
    if not both:
        return (0.0,) * len(record.blocks)
    rows, found = np.array(both, dtype=np.intp).T
    return tuple(np.abs(logged[rows] - slate.contributions[found]).max(axis=0).tolist())


def _largest_ulp(record: FullRequest, slate: RankedSlate) -> int:
    logged = dict(zip(record.shortlist, record.scores, strict=False))
    pairs = [
        (logged[item_id], score)
        for item_id, score in zip(slate.shortlist, slate.scores.tolist(), strict=True)
        if item_id in logged
    ]
    if not pairs:
        return 0
    both = np.array(pairs, dtype=np.float64).astype(np.float32)
    return int(ulp_distance(both[:, 0], both[:, 1]).max())


def _same_bits(logged: Sequence[float], found: Float32Array | Float64Array) -> bool:
    return np.array(logged, dtype=np.float64).tobytes() == found.astype(np.float64).tobytes()
