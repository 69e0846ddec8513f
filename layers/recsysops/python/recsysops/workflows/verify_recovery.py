"""Is the harm gone? Replays a window's requests against the inputs and the model of before.

A hotfix mends what is served, not what is upstream: the audits go on seeing the wrong table until
somebody corrects it. What members got is what counts for 'recovered', so every logged request is
ranked again as if the fault had never happened, and must come out the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from recsysops.errors import CouldNotJudge
from recsysops.model.catalogue import Catalogue, assemble_catalogue
from recsysops.model.delta import DeltaSnapshot
from recsysops.request_log.records import FullRequest
from recsysops.serving.replay import compare_replay, replay_record
from recsysops.workflows.load_catalogue import CatalogueCache, load_delta


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a window's logged requests compare with what they would have been without the fault.

    protected: requests that a hotfix touched. as_before: requests whose ranking is bit for bit
    what last good inputs and the last good model give, with popularity as fresh as served.
    """

    records: int
    protected: int
    as_before: int

    @property
    def is_recovered(self) -> bool:
        """Every request came out as without the fault."""
        return self.records > 0 and self.as_before == self.records


def verify_recovery(
    records: Sequence[FullRequest],
    *,
    cache: CatalogueCache,
    item_ids: Collection[str],
    good_delta_id: str,
    good_model_id: str,
) -> Recovery:
    """Compare logged requests with the world without the fault.

    Args:
        records: full records of the window after the hotfix.
        item_ids: items the diagnosis named; their raw features are taken from `good_delta_id`.
        good_delta_id, good_model_id: what served before the incident.

    Raises: CouldNotJudge without records; ArtefactError, DependencyError.
    """
    if not records:
        raise CouldNotJudge("could not judge, because the window has no full record")
    good = load_delta(cache.blobs, good_delta_id)
    without_fault: dict[str, Catalogue] = {}
    as_before = 0
    for record in records:
        if record.model_id != good_model_id:
            continue  # its snapshot need not fit the good model, and it is wrong anyway
        if record.delta_id not in without_fault:
            mended = mend_delta(load_delta(cache.blobs, record.delta_id), good, item_ids)
            artefact = cache.artefact(good_model_id)
            without_fault[record.delta_id] = assemble_catalogue(artefact, mended)
        as_before += _same_ranking(record, without_fault[record.delta_id])
    return Recovery(
        records=len(records),
        protected=sum(bool(record.hotfix_ids) for record in records),
        as_before=as_before,
    )


def mend_delta(
    delta: DeltaSnapshot, good: DeltaSnapshot, item_ids: Collection[str]
) -> DeltaSnapshot:
    """Return the snapshot with the raw features of some items as another snapshot had them.

    Naming no model makes `assemble_catalogue` encode every item afresh.
    """
    before = {item.item_id: item for item in good.items}
    wrong = set(item_ids)
    items = tuple(
        before.get(item.item_id, item) if item.item_id in wrong else item for item in delta.items
    )
    return replace(delta, items=items, model_id="")


def _same_ranking(record: FullRequest, catalogue: Catalogue) -> bool:
    return compare_replay(record, replay_record(record, catalogue)).bit_equal
