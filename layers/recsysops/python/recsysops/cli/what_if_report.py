"""How answers to what-if questions and explanations are shown to people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from recsysops.cli.output import people, print_table
from recsysops.serving.request_story import RequestStory, ShownItemStory
from recsysops.serving.what_if import ItemMove, Standing, WhatIf
from recsysops.workflows.ask_what_if import Answer, Explained, WhatIfReport

SHOWN_REQUESTS = 3
SHOWN_FEATURES = 8


def show_what_if(report: WhatIfReport) -> None:
    """Print before and after of the first requests, and the sum over all."""
    for answer in report.answers[:SHOWN_REQUESTS]:
        _show_answer(answer)
    if len(report.answers) > 1:
        print_table("all requests", [report.summarise()])


def show_explanations(explained: Sequence[Explained]) -> None:
    """Print what the first requests were made of, and how many more there are."""
    for one in explained[:SHOWN_REQUESTS]:
        show_explanation(one)
    if len(explained) > SHOWN_REQUESTS:
        people.print(f"and {len(explained) - SHOWN_REQUESTS} more, see --json")


def show_explanation(explained: Explained) -> None:
    """Print what a request was made of, in the order in which it happened."""
    found = explained.explanation
    if found is None:
        people.print(f"{explained.request_id}: {explained.refusal}", style="bold")
        return
    for line in describe_request(found):
        people.print(line)
    print_table("final order", [_item_row(one) for one in found.items])
    print_table("contributions", [_block_row(one) for one in found.items])
    print_table("features", [_feature_row(one) for one in found.items])


def describe_request(found: RequestStory) -> list[str]:
    """Return who asked, what was served with, who was eligible and what exploration did."""
    member = "known" if found.member_known else f"without a vector ({found.fallback_reason})"
    if found.session_items:
        member += f", folded in from {', '.join(found.session_items)}"
    counts, drawn = found.eligibility, found.exploration
    hotfixes = ", ".join(f"{one['hotfix_id']} ({one['kind']})" for one in found.hotfixes) or "none"
    pool = "nothing below the slate" if drawn.pool is None else (
        f"ranks {drawn.pool[0]} to {drawn.pool[1]}"
    )  # fmt: skip
    story = "no slot explored" if drawn.slot is None else (
        f"slot {drawn.slot} drew {drawn.item_id} of rank {drawn.rank}"
    )  # fmt: skip
    return [
        f"{found.request_id} at {found.event_time} on {found.surface}: member {found.member}, "
        f"{member}; {found.status}",
        f"model {found.model_id}, snapshot {found.delta_id}, hotfixes: {hotfixes}",
        f"eligible {counts.eligible} of {counts.considered}: not launched {counts.not_launched}, "
        f"seen or excluded {counts.seen_or_excluded}, blocked {counts.blocked}, filtered "
        f"{counts.filtered} by {found.filters or 'no filter'}; unknown candidates {counts.unknown}",
        f"exploration on {drawn.rate:.0%} of requests from {pool}: {story}; "
        f"plan {found.surface_plan or 'order of the scores'}",
    ]


def describe_change(found: WhatIf) -> str:
    """Say in one line what became of a slate."""
    if not found.is_changed:
        return "the slate stays as it was"
    if not (found.entered or found.left):
        return "the same items in another order"
    return f"enter: {', '.join(found.entered) or 'none'} · leave: {', '.join(found.left) or 'none'}"


def _show_answer(answer: Answer) -> None:
    found = answer.what_if
    if found is None:
        people.print(f"{answer.request_id}: {answer.refusal}", style="bold")
        return
    if answer.unknown_items:
        people.print(f"{answer.unknown_items} items that the changes name are in no snapshot")
    print_table(found.request_id, [_move_row(move) for move in found.moves])
    people.print(describe_change(found))


def _move_row(move: ItemMove) -> dict[str, object]:
    return {
        "item": move.item_id,
        "title": move.title,
        "slot": _arrow(move.before.slot, move.after.slot),
        "rank": _arrow(move.before.rank, move.after.rank),
        "score": _arrow(_number(move.before.score), _number(move.after.score)),
        "change": move.score_change,
        "of which": _block_changes(move.before, move.after),
    }


def _item_row(item: ShownItemStory) -> dict[str, object]:
    marked = {
        name: f"{_listed(item.raw[name])} (simulated)"
        if name in item.simulated
        else _listed(item.raw[name])
        for name in ("genres", "year", "language", "price", "in_stock")
    }
    return {
        "slot": item.standing.slot,
        "rank": item.standing.rank,
        "item": item.item_id,
        "title": item.title,
        **marked,
        "propensity": item.propensity,
        "reason": item.text,
    }


def _block_row(item: ShownItemStory) -> dict[str, object]:
    return {
        "item": item.item_id,
        "score": item.standing.score,
        **{name: f"{value:+.3f}" for name, value in item.standing.contributions.items()},
    }


def _feature_row(item: ShownItemStory) -> dict[str, object]:
    return {"item": item.item_id, "largest": _pairs(item.features[:SHOWN_FEATURES])}


def _listed(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value


def _block_changes(before: Standing, after: Standing) -> str:
    changes = {
        name: after.contributions[name] - value
        for name, value in before.contributions.items()
        if name in after.contributions and after.contributions[name] != value
    }
    return _pairs(sorted(changes.items(), key=lambda pair: -abs(pair[1])))


def _pairs(pairs: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {value:+.3f}" for name, value in pairs)


def _arrow(before: object, after: object) -> str:
    old, new = ("–" if value is None else str(value) for value in (before, after))
    return old if old == new else f"{old} → {new}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
