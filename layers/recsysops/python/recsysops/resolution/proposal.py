"""From a diagnosis to the menu entries that would help, best first.

A proposal is a hotfix ready to preview; nothing is deployed from here. Known good values beat a
mask, a mask beats a block: each step down gives up more of what is still right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast, get_args

from recsysops.errors import FlagError
from recsysops.model.encoder import BLOCK_OF_FEATURE
from recsysops.resolution.menu import MENU, HotfixKind
from recsysops.serving.flag_document import MAX_ITEMS, build_flag_document
from recsysops.vocabulary import FeatureName, Hotfix, ItemFeatures

BATCH_FEATURES: tuple[FeatureName, ...] = ("language", "year", "genres", "price", "in_stock")
"""What a stale supplier batch may have rolled back, in the order in which it moves rankings."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One hotfix that would help, its place on the list (1 is best), and what it costs."""

    rank: int
    hotfix: Hotfix
    trade_off: str
    why: str


@dataclass(frozen=True, slots=True)
class ProposalTerms:
    """What every proposed hotfix carries; `hours` until it expires, percent of the members."""

    owner: str
    now: datetime
    percent: float = 100.0
    hours: float = 24.0


@dataclass(frozen=True, slots=True)
class LastGood:
    """The state before the fault: items of the reference snapshot, and the model that served it."""

    items: Mapping[str, ItemFeatures]
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Cause:
    incident_id: str
    verdict: str
    component: str
    feature: str
    model_id: str
    item_ids: tuple[str, ...]


_Draft = tuple[HotfixKind, dict[str, object], str]


def propose_hotfixes(
    diagnosis: Mapping[str, object],
    *,
    last_good: LastGood,
    terms: ProposalTerms,
    served: Mapping[str, ItemFeatures] | None = None,
) -> tuple[Proposal, ...]:
    """Return the hotfixes that would help against a diagnosed cause, best first.

    Args:
        diagnosis: a diagnosis document: verdict, component, feature, model_id, item_ids.
        last_good: items (by id) and model from before the fault.
        terms: owner, now, percent and life of every proposal.
        served: items as served now; tells which features a stale batch changed.

    Returns:
        At most five valid proposals; none when the verdict is 'could_not_judge' without items.
        More items than a hotfix may name are left out of it by dropping that proposal.
    """
    cause = _read_cause(diagnosis)
    drafts = _drafts_for_input(cause, last_good, served)
    if cause.verdict == "model" or cause.component == "model":
        drafts = _drafts_for_model(cause, last_good)
    hotfixes = [(_to_hotfix(draft, cause, terms), draft) for draft in drafts]
    valid = [(hotfix, draft) for hotfix, draft in hotfixes if _is_valid(hotfix)]
    return tuple(
        Proposal(rank, hotfix, MENU[hotfix.kind].trade_off, draft[2])
        for rank, (hotfix, draft) in enumerate(valid, start=1)
    )


def _read_cause(diagnosis: Mapping[str, object]) -> _Cause:
    def text(name: str) -> str:
        return str(diagnosis.get(name) or "")

    items = cast("Sequence[str]", diagnosis.get("item_ids") or ())
    return _Cause(
        incident_id=text("incident_id"),
        verdict=text("verdict"),
        component=text("component"),
        feature=text("feature"),
        model_id=text("model_id"),
        item_ids=tuple(items),
    )


def _drafts_for_model(cause: _Cause, last_good: LastGood) -> list[_Draft]:
    """A bad model: the last good one, else none at all."""
    drafts: list[_Draft] = []
    if last_good.model_id and last_good.model_id != cause.model_id:
        why = f"model {last_good.model_id} served before the incident"
        drafts.append(("pin_model", {"model_id": last_good.model_id}, why))
    drafts.append(("popularity_fallback", {"surface": None}, "no model's vectors are trusted"))
    return drafts


def _drafts_for_input(
    cause: _Cause, last_good: LastGood, served: Mapping[str, ItemFeatures] | None
) -> list[_Draft]:
    if not cause.item_ids:
        return []
    drafts = [
        draft
        for feature in _features_to_mend(cause)
        for draft in _override(feature, cause, last_good, served)
    ]
    block = BLOCK_OF_FEATURE.get(cause.feature)
    if block is not None:
        why = f"{cause.feature} of these items is wrong and feeds the block '{block}'"
        drafts.append(("mask_feature", {"block": block, "item_ids": cause.item_ids}, why))
    drafts.append(
        ("block_items", {"item_ids": cause.item_ids}, "these items are described wrongly")
    )
    drafts.append(("popularity_fallback", {"surface": None}, "no item feature is trusted"))
    return drafts


def _features_to_mend(cause: _Cause) -> tuple[FeatureName, ...]:
    if cause.feature == "batch":
        return BATCH_FEATURES
    known = cast("tuple[FeatureName, ...]", get_args(FeatureName))
    return tuple(name for name in known if name == cause.feature)


def _override(
    feature: FeatureName,
    cause: _Cause,
    last_good: LastGood,
    served: Mapping[str, ItemFeatures] | None,
) -> list[_Draft]:
    """Override with the last good values, of the items whose value differs from what is served."""
    values = {
        item_id: getattr(last_good.items[item_id], feature)
        for item_id in cause.item_ids
        if item_id in last_good.items and _differs(item_id, feature, last_good, served)
    }
    if not values or (cause.feature == "batch" and served is None):
        return []
    why = (
        f"last good values of {feature} are known for {len(values)} of {len(cause.item_ids)} items"
    )
    return [("override_feature", {"feature": feature, "values": values}, why)]


def _differs(
    item_id: str,
    feature: FeatureName,
    last_good: LastGood,
    served: Mapping[str, ItemFeatures] | None,
) -> bool:
    if served is None or item_id not in served:
        return True
    good: object = getattr(last_good.items[item_id], feature)
    return bool(getattr(served[item_id], feature) != good)


def _to_hotfix(draft: _Draft, cause: _Cause, terms: ProposalTerms) -> Hotfix:
    kind, params, why = draft
    subject = str(params.get("feature") or params.get("block") or "")
    parts = (kind, subject, cause.incident_id or f"{terms.now:%Y%m%dT%H%M%S}")
    hotfix_id = "-".join(part for part in parts if part).replace("_", "-")[:64]
    return Hotfix(
        hotfix_id=hotfix_id,
        kind=kind,
        params=params,
        percent=terms.percent,
        salt=hotfix_id,
        owner=terms.owner,
        reason=why,
        expires_at=terms.now + timedelta(hours=terms.hours),
        incident_id=cause.incident_id or None,
    )


def _is_valid(hotfix: Hotfix) -> bool:
    named = hotfix.params.get("values") or hotfix.params.get("item_ids") or ()
    if len(cast("Sequence[str]", named)) > MAX_ITEMS:
        return False
    try:
        build_flag_document([hotfix])
    except FlagError:
        return False
    return True
