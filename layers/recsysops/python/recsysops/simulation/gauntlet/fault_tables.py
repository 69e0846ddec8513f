"""What a fault file may do to which table: its columns by kind, and the deeds that each kind takes.

Only what a step can really change stands here; a column that a fault would change without any
effect (an item's true quality, say) does not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, get_args

from recsysops.simulation.gauntlet.slates import SLATE

UpstreamTable = Literal[
    "requests", "settings", "items", "plays", "item_vectors", "member_vectors", "trainings",
    "training_rows",
]  # fmt: skip
LogTable = Literal[
    "slim_requests", "full_requests", "feedback", "choice_ranks", "launch_ranks", "consumer_logs",
    "item_snapshots", "model_profiles", "replayed_requests",
]  # fmt: skip
Table = Literal[UpstreamTable, LogTable]
Deed = Literal[
    "fill", "scale", "add", "noise", "swap", "shuffle", "reverse", "drop", "duplicate", "crowd",
    "delay", "turn_clock", "cut_day",
]  # fmt: skip
Kind = Literal[
    "number", "whole", "moment", "length", "key", "text", "flag", "maybe", "names", "texts",
    "numbers",
]  # fmt: skip
"""whole: a number without fraction, never null. length: how many items of a slate. key: one that
points at a row or group. maybe: a flag that may be null. names: a list of any length. texts,
numbers: lists of one length."""

PICK: Final = "pick"
"""Stands for a value that the seed picks: neither rare nor most of the rows."""
PICKED: Final = ("country", "genres", "language", "source", "surface")
"""Columns that it can be picked of."""
BY: Final[tuple[Deed, ...]] = ("scale", "add", "noise", "delay", "turn_clock", "cut_day")
"""Deeds that say by how much."""


def _kinds(**names: str) -> dict[str, Kind]:
    known = {kind: names.get(kind, "").split() for kind in get_args(Kind)}
    return {column: kind for kind, columns in known.items() for column in columns}


_ITEM = _kinds(
    text="item_id title language source batch",
    number="year price",
    whole="version launch_day",
    key="item_group",
    maybe="in_stock",
    flag="is_launch",
    names="genres",
)
_BLOCKS = _kinds(numbers="block_genre block_year block_language block_collaborative")
_EVENT = _kinds(text="request_id member", moment="event_time", whole="schema_version member_group")
_REQUEST = _EVENT | _kinds(text="surface")
_ANSWER = _REQUEST | _kinds(
    text="country model_id delta_id flag_version roll_out_id roll_out_arm arm status"
    " fallback_reason fallback_step stratum traffic",
    length="slate_length",
    whole="eligible_count",
    number="inclusion_probability",
    flag="member_known",
    texts="shown",
    numbers="scores propensities",
)

_CHANGED: Final[Mapping[str, Mapping[str, Kind]]] = {
    "requests": _kinds(
        key="member", number="seconds", text="surface country roll_out_arm request_id", flag="known"
    ),
    "settings": _kinds(
        number="explore_rate explore_drawn fallback_share empty_share latency_factor snapshot_age"
    ),
    "items": _ITEM,
    "plays": _kinds(number="plays"),
    "item_vectors": _BLOCKS | _kinds(number="popularity"),
    "member_vectors": _BLOCKS,
    "trainings": _kinds(number="data_age_days"),
    "training_rows": _kinds(
        number="label", key="item member", text="country language source", names="genres"
    ),
    "slim_requests": _ANSWER | _kinds(text="flag_rejected", number="latency_ms", flag="full"),
    "full_requests": _ANSWER
    | _kinds(
        text="member_vector context code_version fingerprint input_digest",
        whole="limit",
        number="explore_rate",
        texts="shortlist blocks",
        numbers="contributions",
    ),
    "feedback": _EVENT | _kinds(text="event_id item_id kind traffic", number="value"),
    "choice_ranks": _REQUEST
    | _kinds(
        text="country model_id delta_id item_id traffic",
        whole="eligible_count",
        number="inclusion_probability rank",
        flag="member_known eligible in_shortlist",
    ),
    "launch_ranks": _kinds(
        text="item_id source language launch_date",
        moment="event_time",
        whole="schema_version item_group age_days requests",
        number="rank_percentile",
    ),
    "consumer_logs": _kinds(
        text="request_id surface traffic consumer",
        moment="event_time",
        whole="schema_version",
        length="slate_length",
        number="fraction",
        texts="shown",
    ),
    "item_snapshots": _kinds(
        text="item_id title language source batch delta_id model_id launch_date",
        number="year price log_popularity",
        whole="item_group version schema_version",
        moment="as_of",
        maybe="in_stock",
        flag="changed",
        names="genres",
    ),
    "model_profiles": _kinds(
        text="model_id data_hash subject segment",
        moment="trained_at",
        whole="schema_version item_group items zeros",
        number="total squared",
    ),
    "replayed_requests": _REQUEST
    | _kinds(
        text="model_id delta_id traffic outcome",
        number="inclusion_probability",
        names="blocks",
        numbers="block_differences",
    ),
}
_ALSO_CHOSEN_BY: Final[Mapping[str, Mapping[str, Kind]]] = {
    "plays": _ITEM,
    "item_vectors": _ITEM,
    "member_vectors": _kinds(text="pseudonym country", flag="known"),
    "feedback": _kinds(text="surface country"),
}
"""Columns that say whose row it is, where changing them would change nothing."""

_NO_COLUMNS: Final = ("drop", "duplicate", "delay", "cut_day")
_BY_EVENT_TIME: Final = ("delay", "cut_day")
_KINDS_OF: Final[Mapping[str, tuple[Kind, ...]]] = {
    "scale": ("number", "whole", "moment", "numbers"),
    "add": ("number", "whole", "moment", "numbers"),
    "noise": ("number", "whole", "moment", "numbers"),
    # lists of two columns need not be of one length
    "swap": ("number", "whole", "moment", "text", "flag", "maybe", "names"),
    "reverse": ("texts", "numbers"),
    "turn_clock": ("moment",),
}
"""Deeds that not every kind of column takes."""
_DEEDS_OF: Final[Mapping[str, Collection[Deed]]] = {
    **dict.fromkeys(("settings", "trainings"), ("fill", "scale", "add")),
    **dict.fromkeys(
        ("plays", "item_vectors", "member_vectors"),
        ("fill", "scale", "add", "noise", "swap", "shuffle", "reverse", "crowd"),
    ),
}
"""Tables that not everything can happen to: of one row, and those whose rows belong to others."""
_WORDS_OF: Final[Mapping[Kind, Collection[str]]] = {
    "number": ("null", "nan", "median"),
    "whole": ("median",),
    "moment": ("median",),
    "numbers": ("null", "nan", "median"),
    "maybe": ("null",),
    "names": ("empty",),
}
"""Computed values that fill a column other than of text, which takes every text."""
_ALWAYS_NULL: Final = ("flag_rejected",)
"""Texts without a most frequent one on a quiet day."""
_COMPUTED_OF_NUMBERS: Final = ("nan", "median")


def columns_of(table: str) -> Mapping[str, Kind]:
    """Return the columns of a table that a fault can change."""
    return _CHANGED[table]


def check_columns(table: Table, deed: Deed, columns: Sequence[str]) -> None:
    """Refuse what cannot happen to the columns of a table. Raises: ValueError naming the field."""
    if deed not in _DEEDS_OF.get(table, get_args(Deed)):
        raise ValueError(f"do: {deed} cannot happen to {table}, only {', '.join(_DEEDS_OF[table])}")
    if deed in _BY_EVENT_TIME and "event_time" not in _CHANGED[table]:
        raise ValueError(f"do: {deed} needs event_time, which {table} does not have")
    if deed in _NO_COLUMNS and columns:
        raise ValueError(f"columns: {deed} happens to whole rows, leave them out")
    if deed not in _NO_COLUMNS and not columns:
        raise ValueError(f"columns: {deed} needs some")
    for name in columns:
        _check_kind(deed, name, _find(table, name, _CHANGED[table], field="columns"))
    if deed == "swap":
        _check_swap(columns, _CHANGED[table])


def check_value(table: Table, columns: Sequence[str], value: float | bool | str | None) -> None:
    """Refuse what cannot be written there. Raises: ValueError naming the field."""
    if value is None:
        raise ValueError("value: fill needs one")
    if value in ("size", "-size"):
        raise ValueError("value: the computed size can stand in by and share only")
    if value == PICK and columns[0] not in PICKED:
        raise ValueError(f"value: nothing to pick of {columns[0]}, only of {', '.join(PICKED)}")
    for name in columns:
        kind = _CHANGED[table][name]
        if not _can_hold(kind, value) or (value == "mode" and name in _ALWAYS_NULL):
            raise ValueError(f"value: {value!r} cannot be written into {name}, a {kind} column")


def check_where(table: Table, where: Mapping[str, bool | str]) -> None:
    """Refuse what no row can be chosen by. Raises: ValueError naming the field."""
    known = {
        name: kind
        for name, kind in {**_CHANGED[table], **_ALSO_CHOSEN_BY.get(table, {})}.items()
        if kind in ("text", "names", "flag", "maybe")
    }
    for name, value in where.items():
        is_flag = _find(table, name, known, field="where", to="to choose rows by") in _FLAGS
        if is_flag != isinstance(value, bool):
            wanted = "true or false" if is_flag else "a text"
            raise ValueError(f"where: {name} is {wanted}, not {value!r}")
        if value == PICK and name not in PICKED:
            raise ValueError(f"where: nothing to pick of {name}, only of {', '.join(PICKED)}")


_FLAGS: Final = ("flag", "maybe")


def _find(
    table: str, name: str, known: Mapping[str, Kind], *, field: str, to: str = "to change"
) -> Kind:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise ValueError(f"{field}: {table} has no column {name!r} {to}; there are: {names}")
    return known[name]


def _check_kind(deed: Deed, name: str, kind: Kind) -> None:
    if kind not in _KINDS_OF.get(deed, (kind,)):
        raise ValueError(f"columns: {deed} cannot happen to {name}, a {kind} column")


def _check_swap(columns: Sequence[str], known: Mapping[str, Kind]) -> None:
    if len(columns) != 2 or columns[0] == columns[1]:
        raise ValueError(f"columns: swap needs two, not {', '.join(columns)}")
    first, second = columns
    if known[first] != known[second]:
        raise ValueError(f"columns: swap needs two of one kind; {first} and {second} are not")


def _can_hold(kind: Kind, value: float | bool | str) -> bool:
    if isinstance(value, bool):
        return kind in _FLAGS
    if isinstance(value, str):
        if kind in ("text", "texts"):
            # of a list the most frequent entry is not told, nor is one picked
            never = ("mode", PICK) if kind == "texts" else ()
            return value not in (*_COMPUTED_OF_NUMBERS, *never)
        return value in _WORDS_OF.get(kind, ())
    if kind == "length":
        return 0 <= value <= SLATE
    return kind in ("number", "whole", "moment", "numbers")
