"""The hotfix menu: what each kind does, what it costs, and how it is undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

HotfixKind = Literal[
    "override_feature", "mask_feature", "block_items", "popularity_fallback", "pin_model"
]

UNDO = "deploy the document without it: 'recsysops hotfix undo <hotfix_id>'; scores return exactly"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One kind of hotfix in the operator's words; `trade_off` is one sentence."""

    kind: HotfixKind
    does: str
    trade_off: str


MENU: Mapping[HotfixKind, MenuEntry] = {
    entry.kind: entry
    for entry in (
        MenuEntry(
            "override_feature",
            "serves given values instead of the upstream ones for the named items",
            "Mends the ranking fully, but hides later upstream changes of these items until it "
            "expires.",
        ),
        MenuEntry(
            "mask_feature",
            "scores the items as if one block were unknown",
            "Needs no good value, but the items also lose what the feature rightly said of them.",
        ),
        MenuEntry(
            "block_items",
            "takes the items out of every ranking",
            "Stops harm at once, but the items and their owners lose all exposure.",
        ),
        MenuEntry(
            "popularity_fallback",
            "ranks by fresh popularity alone",
            "Trusts nothing about the item or the member, so nobody gets a personal slate.",
        ),
        MenuEntry(
            "pin_model",
            "lets an earlier model answer",
            "Undoes a bad model, but also all that it learnt since the pinned one.",
        ),
    )
}
