"""A data source under audit: its schema as first seen, what is proposed to watch, its profile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from recsysops.detection.table_profile import (
    INFINITE,
    MISSING,
    RARE,
    CategoryColumn,
    Codes,
    Column,
    ColumnProfile,
    Kind,
    TableProfile,
    profile_table,
)
from recsysops.detection.thresholds import (
    CATEGORY_CHANGE_FLOOR,
    DEFAULT_SHARE_FLOOR,
    JS_FLOOR,
    KS_FLOOR,
    LEAST_ROWS,
    PSI_FLOOR,
)
from recsysops.errors import BadInput, CouldNotJudge
from recsysops.vocabulary import ID_PATTERN

Role = Literal["feature", "identifier", "constant", "empty"]

IDENTIFIER_SHARE = 0.9
"""A category whose values are this often distinct names rows; its distribution says nothing."""
LISTED_CATEGORIES = 20


class SourceColumn(BaseModel):
    """What a column was when the source was added.

    nulls: share of missing values. low and high: 0.1 and 99.9 % quantiles of a number.
    categories: the commonest, at most 20. audits: metric → effect floor of what is proposed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    role: Role
    nulls: float
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    audits: dict[str, float]


class TableSource(BaseModel):
    """One JSON document; `recsysops sources check` judges later files against it.

    cluster: the column whose values keep rows together, None when rows are independent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    name: str = Field(pattern=ID_PATTERN)
    owner: str = Field(pattern=ID_PATTERN)
    cluster: str | None
    rows: int
    columns: tuple[SourceColumn, ...]
    profile: TableProfile

    def watched(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Return those of a table's columns that are judged, and those that nobody knew."""
        silent = {column.name for column in self.columns if not column.audits}
        return {name: column for name, column in columns.items() if name not in silent}


def propose_source(
    columns: Mapping[str, Column],
    *,
    groups: Codes,
    name: str,
    owner: str,
    cluster: str | None = None,
    identifiers: Collection[str] = (),
) -> TableSource:
    """Profile a table and propose its schema and audits; identifiers stay out of the profile.

    Texts of which nearly every row has its own are taken for identifiers; numbers that are must
    be named.

    Raises: CouldNotJudge when later tables could not be judged against this one: it has too few
    rows, or no column to watch; BadInput when columns differ in length or an identifier is none.
    """
    if unknown := sorted({*identifiers} - {*columns}):
        raise BadInput(f"no column {unknown[0]!r}; there are {list(columns)}")
    if len(groups) < LEAST_ROWS:
        raise CouldNotJudge(
            f"could not judge later tables, because {len(groups)} rows"
            f" are fewer than {LEAST_ROWS:.0f}"
        )
    profile = profile_table(columns, groups=groups)
    described = tuple(
        _describe(column_name, column, profile.columns[column_name], column_name in identifiers)
        for column_name, column in columns.items()
    )
    kept = {one.name: profile.columns[one.name] for one in described if one.audits}
    if not kept:
        roles = ", ".join(f"{one.name} ({one.role})" for one in described)
        raise CouldNotJudge(
            f"could not judge later tables, because no column can be watched: {roles}"
        )
    return TableSource(
        name=name,
        owner=owner,
        cluster=cluster,
        rows=len(groups),
        columns=described,
        profile=TableProfile(columns=kept),
    )


def _describe(
    name: str, column: Column, profile: ColumnProfile, is_identifier: bool
) -> SourceColumn:
    role = "identifier" if is_identifier else _role(column, profile)
    low, high = (None, None) if isinstance(column, CategoryColumn) else _range(column.values)
    shown = role != "identifier" and profile.kind == "category"
    categories = [cell for cell in profile.counts if cell not in (MISSING, RARE)] if shown else []
    return SourceColumn(
        name=name,
        kind=profile.kind,
        role=role,
        nulls=sum(profile.counts.get(MISSING, ())) / profile.rows,
        low=low,
        high=high,
        categories=tuple(categories[:LISTED_CATEGORIES]),
        audits=dict(_proposals(profile.kind, role)),
    )


def _role(column: Column, profile: ColumnProfile) -> Role:
    missing = sum(map(sum, (profile.counts.get(cell, ()) for cell in (MISSING, INFINITE))))
    present = profile.rows - missing
    if not present:
        return "empty"
    if isinstance(column, CategoryColumn):
        distinct = len(column.labels)
        named = distinct > IDENTIFIER_SHARE * present and distinct > LISTED_CATEGORIES
        return "constant" if distinct == 1 else "identifier" if named else "feature"
    finite = column.values[np.isfinite(column.values)]
    return "constant" if finite.min() == finite.max() else "feature"


def _range(values: np.ndarray) -> tuple[float | None, float | None]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, (0.001, 0.999)).tolist()
    return low, high


def _proposals(kind: Kind, role: Role) -> Iterator[tuple[str, float]]:
    """What is worth watching; an identifier or an empty column gives nothing to compare."""
    if role in ("identifier", "empty"):
        return
    yield "null_share", DEFAULT_SHARE_FLOOR
    if kind == "category":
        yield "distribution_js", JS_FLOOR
        yield "category_change", CATEGORY_CHANGE_FLOOR
        return
    yield "infinite_share", DEFAULT_SHARE_FLOOR
    yield "zero_share", DEFAULT_SHARE_FLOOR
    yield "spike_share", DEFAULT_SHARE_FLOOR
    yield "distribution_ks", KS_FLOOR
    yield "distribution_psi", PSI_FLOOR
