"""What a hotfix document must satisfy before it may be deployed over the current one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from recsysops.errors import ConflictError, FlagError, NotFound
from recsysops.serving.flag_document import build_flag_document, parse_flag_document
from recsysops.serving.hotfixes import named_items, pinned_model
from recsysops.vocabulary import FlagDocument, Hotfix

LONGEST_LIFE = timedelta(days=30)
"""A fix that is needed for longer belongs upstream or in the model."""
LARGEST_BLOCKED_SHARE = 0.5


def validate_deployment(
    new_document: FlagDocument | str,
    current: FlagDocument,
    *,
    known_items: Collection[str],
    known_models: Collection[str],
    now: datetime,
) -> FlagDocument:
    """Check a document against the world it would act on; returns it parsed.

    Hotfixes that are already deployed unchanged are not judged again: their items may have left
    the catalogue since, which harms nobody.

    Raises: FlagError in one line for a hotfix that names unknown items or models, is expired,
    lives longer than 30 days, or blocks more than half of the catalogue.
    """
    if isinstance(new_document, FlagDocument):
        new_document = build_flag_document(new_document.hotfixes)
    else:
        new_document = parse_flag_document(new_document)
    items = frozenset(known_items)
    for hotfix in new_document.hotfixes:
        if hotfix not in current.hotfixes:
            _check_life(hotfix, now)
            _check_items(hotfix, items)
            _check_model(hotfix, known_models)
    return new_document


def read_current(text: str) -> FlagDocument:
    """Read the deployed document; nothing deployed yet reads as the empty one.

    Raises: FlagError when what is deployed breaks the rules: use the kill switch.
    """
    if not text:
        return build_flag_document()
    try:
        return parse_flag_document(text)
    except FlagError as error:
        raise FlagError(
            f"the deployed document is broken ({error}); use the kill switch"
        ) from error


def refuse_stale_base(current: FlagDocument, expected_version: str | None) -> None:
    """Compare before set: refuse a change that was planned against another document.

    Raises: ConflictError when somebody deployed another document since.
    """
    if expected_version is not None and expected_version != current.version:
        raise ConflictError(
            f"the hotfix document is {current.version} now, not {expected_version}: somebody else "
            "deployed; look again and repeat"
        )


def with_hotfix(current: FlagDocument, hotfix: Hotfix) -> FlagDocument:
    """Return the document with a hotfix added, or replaced when its id is there already.

    Raises: FlagError when the result breaks a rule (too many, two pinned models).
    """
    others = [one for one in current.hotfixes if one.hotfix_id != hotfix.hotfix_id]
    return build_flag_document([*others, hotfix])


def without_hotfix(current: FlagDocument, hotfix_id: str) -> FlagDocument:
    """Return the document without one hotfix. Raises: NotFound when it is not deployed."""
    kept = [one for one in current.hotfixes if one.hotfix_id != hotfix_id]
    if len(kept) == len(current.hotfixes):
        deployed = ", ".join(one.hotfix_id for one in current.hotfixes) or "none"
        raise NotFound(f"no hotfix {hotfix_id!r} is deployed; deployed: {deployed}")
    return build_flag_document(kept)


def _check_life(hotfix: Hotfix, now: datetime) -> None:
    if hotfix.expires_at <= now:
        raise FlagError(f"{hotfix.hotfix_id}: expires_at {hotfix.expires_at} has passed")
    if hotfix.expires_at - now > LONGEST_LIFE:
        raise FlagError(
            f"{hotfix.hotfix_id}: expires_at {hotfix.expires_at} is more than "
            f"{LONGEST_LIFE.days} days ahead"
        )


def _check_items(hotfix: Hotfix, known_items: frozenset[str]) -> None:
    named = named_items(hotfix)
    unknown = [item_id for item_id in named if item_id not in known_items]
    if unknown:
        raise FlagError(
            f"{hotfix.hotfix_id}: {len(unknown)} of {len(named)} items are not in the catalogue, "
            f"first {unknown[0]!r}"
        )
    if hotfix.kind == "block_items" and len(named) > LARGEST_BLOCKED_SHARE * len(known_items):
        raise FlagError(
            f"{hotfix.hotfix_id}: blocks {len(named)} of {len(known_items)} items; at most "
            f"{LARGEST_BLOCKED_SHARE:.0%} may be blocked"
        )


def _check_model(hotfix: Hotfix, known_models: Collection[str]) -> None:
    model_id = pinned_model([hotfix])
    if model_id is not None and model_id not in known_models:
        raise FlagError(f"{hotfix.hotfix_id}: no model {model_id!r} in the registry")
