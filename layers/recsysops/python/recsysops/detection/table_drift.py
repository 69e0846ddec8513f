"""Judges a table against a frozen profile: schema, missing and repeated values, drift, categories.

Alarms are significant AND above the published floors. Rows are independent or dealt to hash
groups by what they have in common (a member, say); false discoveries are controlled over all
checks of one comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsysops.detection.checks import Check
from recsysops.detection.compare import share_changes
from recsysops.detection.drift_checks import category_checks, distribution_check
from recsysops.detection.table_profile import (
    INFINITE,
    MISSING,
    SPIKE,
    ZERO,
    Codes,
    Column,
    ColumnComparison,
    TableProfile,
    as_kind,
    compare_with_profile,
    kind_of,
)
from recsysops.detection.thresholds import DEFAULT_SHARE_FLOOR, LEAST_ROWS
from recsysops.errors import CouldNotJudge
from recsysops.statistics.discoveries import adjust_p_values

FALSE_DISCOVERY_LEVEL = 0.01
"""Expected share of false ones among a comparison's alarms."""

SchemaTrouble = Literal["column_missing", "column_new", "type_changed"]


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A column that only one table has, or that changed between number and category."""

    column: str
    trouble: SchemaTrouble


@dataclass(frozen=True, slots=True)
class TableDrift:
    """What became of a table.

    alarms: checks that are significant and above their floor, furthest above it first.
    unjudged: column → why it could not be judged; such a column did not pass.
    """

    schema: tuple[SchemaChange, ...]
    alarms: tuple[Check, ...]
    tested: int
    unjudged: Mapping[str, str]

    @property
    def is_quiet(self) -> bool:
        """Everything could be judged, and nothing is wrong."""
        return not (self.schema or self.alarms or self.unjudged)


def judge_table(
    profile: TableProfile, columns: Mapping[str, Column], *, groups: Codes
) -> TableDrift:
    """Compare a table with a frozen reference.

    Args:
        columns: by name, each (n,).
        groups: (n,) hash group 0..31 of each row.

    Raises: BadInput when columns differ in length; CouldNotJudge when a side has too few rows.
    """
    rows = max((column.rows for column in profile.columns.values()), default=0)
    for side, count in (("reference", rows), ("table", len(groups))):
        if count < LEAST_ROWS:
            raise CouldNotJudge(
                f"could not judge, because the {side}'s {count} rows"
                f" are fewer than {LEAST_ROWS:.0f}"
            )
    columns = {
        name: as_kind(column, profile.columns[name].kind) if name in profile.columns else column
        for name, column in columns.items()
    }
    compared = compare_with_profile(profile, columns, groups=groups)
    checks = [check for comparison in compared for check in _checks(comparison)]
    usable = [c for c in checks if np.isfinite(c.effect) and np.isfinite(c.p_value)]
    return TableDrift(
        schema=tuple(compare_schemas(profile, columns)),
        alarms=tuple(_discover(usable)),
        tested=len(usable),
        unjudged=dict(filter(None, map(_why_unjudged, compared))),
    )


def compare_schemas(profile: TableProfile, columns: Mapping[str, Column]) -> Iterator[SchemaChange]:
    """Name what a consumer of the table would trip over."""
    for name, before in profile.columns.items():
        if name not in columns:
            yield SchemaChange(name, "column_missing")
        elif kind_of(columns[name]) != before.kind:
            yield SchemaChange(name, "type_changed")
    for name in columns:
        if name not in profile.columns:
            yield SchemaChange(name, "column_new")


def _why_unjudged(comparison: ColumnComparison) -> tuple[str, str] | None:
    empty = [
        side
        for side, sums in (
            ("reference", comparison.cells.reference),
            ("table", comparison.cells.window),
        )
        if sums.weights.sum() == sums.weights[comparison.cells.places_of(MISSING, INFINITE)].sum()
    ]
    return (comparison.name, f"no value in the {' and the '.join(empty)}") if empty else None


def _checks(comparison: ColumnComparison) -> Iterator[Check]:
    cells = comparison.cells
    yield from _share_checks(comparison)
    known = cells.only(*(cell for cell in cells.cells if cell not in (MISSING, INFINITE)))
    if not known.is_supported(LEAST_ROWS):
        return
    yield distribution_check(known, numeric=comparison.kind == "number")
    if comparison.kind == "category":
        yield from category_checks([known], least=LEAST_ROWS)


def _share_checks(comparison: ColumnComparison) -> Iterator[Check]:
    """Test the rise of each share of rows that say nothing, or all the same."""
    tested = [(cell, comparison.cells) for cell in (MISSING, INFINITE)]
    if comparison.repeated is not None:
        tested += [(cell, comparison.repeated) for cell in (ZERO, SPIKE)]
    changes = share_changes([found.share_of(found.places_of(cell)) for cell, found in tested])
    for (cell, _), change in zip(tested, changes, strict=True):
        yield Check(
            metric=f"{cell}_share",
            subject=comparison.name,
            slice={},
            baseline=change.baseline,
            observed=change.observed,
            effect=change.increase,
            effect_floor=DEFAULT_SHARE_FLOOR,
            p_value=change.p_value,
            evidence={"value": comparison.spike} if cell == SPIKE else {},
        )


def _discover(checks: Sequence[Check]) -> list[Check]:
    """Return checks above their floor that survive Benjamini and Hochberg over all of them."""
    above = [check for check in checks if check.effect >= check.effect_floor]
    p_values = np.array([check.p_value for check in above], np.float64)
    adjusted = adjust_p_values(p_values, tested=len(checks))
    found = [c for c, p in zip(above, adjusted, strict=True) if p <= FALSE_DISCOVERY_LEVEL]
    return sorted(found, key=lambda check: -check.effect / check.effect_floor)
