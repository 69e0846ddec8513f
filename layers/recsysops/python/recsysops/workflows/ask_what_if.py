"""Asks of logged requests what a change would have made of them, and explains them as they were.

Log, artefacts, snapshots and flag documents are all that is read: a request is repeated first, and
only one that comes out as it was logged is changed or explained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from recsysops.errors import ArtefactError, BadData, CouldNotJudge, FlagError, NotFound
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.ports import BlobStore, MemberStore, QueryEngine
from recsysops.request_log.records import FullRequest
from recsysops.request_log.sql import render_sql, utc_day
from recsysops.resolution.replayed_window import MemberVectors
from recsysops.serving.flag_document import (
    LAST_GOOD_KEY,
    build_flag_document,
    dump_flag_document,
    parse_flag_document,
)
from recsysops.serving.hotfixes import count_unknown_items, pinned_model
from recsysops.serving.replay import (
    compare_replay,
    logged_vector,
    ranking_request_of,
    refuse_changed_inputs,
)
from recsysops.serving.request_story import RequestStory, tell_request
from recsysops.serving.what_if import RankedCase, WhatIf, add_changes, compare_cases, rank_case
from recsysops.vocabulary import Hotfix
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.preview_hotfix import vectors_of
from recsysops.workflows.replay_requests import load_logged_catalogue, name_outcome

VECTOR_DAYS = timedelta(days=30)
"""A member's vector for another model is looked for so long before and after the request."""
TOP_ITEMS = 10

_FLAG_PREFIX = "flags/"

AnswerT = TypeVar("AnswerT")

_VECTOR = """
SELECT r.member_vector AS member_vector
FROM full_requests r
WHERE r.dt >= {first_day} AND r.dt <= {last_day} AND r.member = {member}
  AND r.model_id = {model_id} AND r.member_vector IS NOT NULL
ORDER BY r.event_time DESC
LIMIT 1"""


class FindVector(Protocol):
    """Where a member's vector for another model comes from."""

    def __call__(self, record: FullRequest, catalogue: Catalogue) -> Float32Array | None:
        """Return the vector that fits the catalogue's model, None when it is not at hand."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; `refusal` says why there is no answer.

    unknown_items: item ids that the changes name and the snapshot lacks.
    """

    request_id: str
    what_if: WhatIf | None
    unknown_items: int = 0
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class WhatIfReport:
    """The answers of all requests, in the order given."""

    changes: tuple[Hotfix, ...]
    answers: tuple[Answer, ...]

    @property
    def answered(self) -> list[WhatIf]:
        """The requests that have an answer."""
        return [answer.what_if for answer in self.answers if answer.what_if is not None]

    def summarise(self) -> dict[str, object]:
        """Count over all requests: changed slates, items that entered and left most often."""
        answered = self.answered
        moves = [move for one in answered for move in one.moves]
        moved = [abs(move.score_change) for move in moves if move.score_change is not None]
        entered, left = (
            Counter(item for one in answered for item in getattr(one, name)).most_common(TOP_ITEMS)
            for name in ("entered", "left")
        )
        return {
            "requests": len(self.answers),
            "answered": len(answered),
            "refused": len(self.answers) - len(answered),
            "changed": sum(one.is_changed for one in answered),
            "mean_score_change": sum(moved) / len(moved) if moved else 0.0,
            "entered": dict(entered),
            "left": dict(left),
        }


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanation of one request, or why there is none."""

    request_id: str
    explanation: RequestStory | None
    refusal: str | None = None


def ask_what_if(
    records: Iterable[FullRequest],
    changes: Sequence[Hotfix],
    *,
    cache: CatalogueCache,
    find_vector: FindVector,
    check_digests: bool = True,
) -> WhatIfReport:
    """Rank logged requests with changes on top of the hotfixes they were served with.

    The changes act on every request, whatever percentage of members a hotfix names.

    Args:
        records: full records.
        changes: see `parse_changes`.
        cache: artefacts and snapshots.
        find_vector: finds a member's vector when the changes pin another model.
        check_digests: refuse records whose inputs were changed after logging.

    Raises: DependencyError when bucket or lake cannot be reached.
    """

    def answer(record: FullRequest) -> Answer:
        case, hotfixes = _repeat(record, cache, check_digests=check_digests)
        after = _rank_changed(record, hotfixes, changes, cache=cache, find_vector=find_vector)
        unknown = count_unknown_items(case.catalogue, changes)
        return Answer(record.request_id, compare_cases(case, after), unknown)

    return WhatIfReport(
        tuple(changes),
        tuple(
            _try(answer, record, lambda refused, why: Answer(refused, None, refusal=why))
            for record in records
        ),
    )


def explain_requests(
    records: Iterable[FullRequest], *, cache: CatalogueCache, check_digests: bool = True
) -> tuple[Explained, ...]:
    """Explain logged requests from their own replay. Raises: DependencyError."""

    def explain(record: FullRequest) -> Explained:
        case, hotfixes = _repeat(record, cache, check_digests=check_digests)
        return Explained(record.request_id, tell_request(record, case, hotfixes=hotfixes))

    return tuple(_try(explain, record, lambda refused, why: Explained(refused, None, why))
                 for record in records)  # fmt: skip


def vectors_in_log(queries: QueryEngine) -> FindVector:
    """Return a look-up of the member's newest logged vector for another model.

    A member whom that model never served has none: then the question cannot be answered from the
    log. Raises (when called): DependencyError, BadData.
    """

    def find(record: FullRequest, catalogue: Catalogue) -> Float32Array | None:
        rows = queries.run(
            render_sql(
                _VECTOR,
                first_day=utc_day(record.event_time - VECTOR_DAYS),
                last_day=utc_day(record.event_time + VECTOR_DAYS),
                member=record.member,
                model_id=catalogue.model_id,
            )
        )
        return logged_vector(str(rows[0]["member_vector"]), catalogue) if rows else None

    return find


def vectors_in_table(
    members: MemberStore, cache: CatalogueCache, *, before: FindVector
) -> FindVector:
    """Return a look-up that asks `before` first and then the live members: today's vectors.

    The table is read once, when the first vector is missing; a pseudonym leads to its row.
    """
    known: list[MemberVectors] = []

    def find(record: FullRequest, catalogue: Catalogue) -> Float32Array | None:
        vector = before(record, catalogue)
        if vector is not None:
            return vector
        if not known:
            ids = [member.member_id for member in members.scan()]
            known.append(vectors_of(ids, members, cache))
        return known[0](catalogue.model_id, record.member)

    return find


def find_hotfix_document(blobs: BlobStore, hotfix_id: str) -> str:
    """Return a document that holds only the named hotfix, from those that were ever deployed.

    The newest deployed document is looked into first, then the kept ones by key.

    Raises: NotFound.
    """
    keys = [LAST_GOOD_KEY, *blobs.list_keys(_FLAG_PREFIX)]
    for key in dict.fromkeys(keys):
        try:
            document = parse_flag_document(blobs.get(key).decode("utf-8", "replace"))
        except (NotFound, FlagError):
            continue  # another document may hold it
        named = [hotfix for hotfix in document.hotfixes if hotfix.hotfix_id == hotfix_id]
        if named:
            return dump_flag_document(build_flag_document(named))
    raise NotFound(f"no flag document that was ever deployed holds a hotfix {hotfix_id!r}")


def _repeat(
    record: FullRequest, cache: CatalogueCache, *, check_digests: bool
) -> tuple[RankedCase, tuple[Hotfix, ...]]:
    """Repeat a request. Raises: CouldNotJudge when it does not come out as it was logged."""
    if check_digests:
        refuse_changed_inputs(record)
    catalogue, hotfixes = load_logged_catalogue(record, cache)
    case = rank_case(catalogue, ranking_request_of(record, catalogue, hotfixes=hotfixes))
    verdict = compare_replay(record, case.slate)
    if check_digests and name_outcome(record, verdict) == "different":
        differing = ", ".join(verdict.differences)
        raise CouldNotJudge(f"could not judge, because its own replay differs in {differing}")
    return case, hotfixes


def _rank_changed(
    record: FullRequest,
    hotfixes: Sequence[Hotfix],
    changes: Sequence[Hotfix],
    *,
    cache: CatalogueCache,
    find_vector: FindVector,
) -> RankedCase:
    changed = add_changes(hotfixes, changes)
    model_id = pinned_model(changes) or record.model_id
    catalogue = cache.load(model_id, record.delta_id, changed)
    vector = None
    if model_id != record.model_id:
        vector = _vector_for(record, catalogue, find_vector)
        record = record.model_copy(update={"member_vector": None})
    request = ranking_request_of(record, catalogue, hotfixes=changed, member_vector=vector)
    return rank_case(catalogue, request)


def _vector_for(
    record: FullRequest, catalogue: Catalogue, find_vector: FindVector
) -> Float32Array | None:
    """Return the member's vector for another model, None for a cold member."""
    if record.member_vector is None:
        return None
    vector = find_vector(record, catalogue)
    if vector is None:
        raise CouldNotJudge(
            f"could not judge, because no logged request tells this member's vector for "
            f"{catalogue.model_id}"
        )
    return vector


def _try(
    answer: Callable[[FullRequest], AnswerT],
    record: FullRequest,
    refuse: Callable[[str, str], AnswerT],
) -> AnswerT:
    try:
        return answer(record)
    except (ArtefactError, BadData, CouldNotJudge, FlagError) as refusal:
        return refuse(record.request_id, str(refusal))
