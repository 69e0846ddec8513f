"""A metric that an item's owner declares in a small TOML file, turned into an audit per item."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check, Judgement
from recsysops.detection.compare import Change, mean_change, share_changes
from recsysops.detection.context import AuditContext, Cadence
from recsysops.detection.declaration import Audit, Severity
from recsysops.detection.roots import Root
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.errors import BadData, BadInput, CouldNotJudge
from recsysops.request_log.sql import Declared, SqlValue, render_sql
from recsysops.statistics.shares import Weighted, effective_rows
from recsysops.vocabulary import ID_PATTERN

Measure = Literal["exposure_share", "play_rate", "position", "choice_rank"]
"""exposure_share: requests whose slate has the item, of all. play_rate: plays per showing.
position: mean position when shown (1 is best). choice_rank: mean rank percentile of the item when
it was chosen (0 is best), among everything that could have been ranked."""
Turn = Literal["drop", "rise", "any"]

PREFIX: Final = "metric_"
"""Names of owned audits start so, and cannot be one of ours."""
MOST_ITEMS: Final = 200
_SYMPTOM_DEPTH: Final = 9

_SHOWN = """
  SELECT {period} AS period, 'all' AS slice, member_group AS grp, 1e0 AS weight,
         CAST(position AS double) AS x, item || '=shown' AS label
  FROM slim_requests CROSS JOIN UNNEST(shown) WITH ORDINALITY AS t(item, position)
  WHERE {in_periods} AND item IN {items} {on_surface}"""
_REQUESTS = """
  SELECT {period} AS period, 'all' AS slice, member_group AS grp, 1e0 AS weight, 0e0 AS x,
         '=requests' AS label
  FROM slim_requests
  WHERE {in_periods} {on_surface}"""
_PLAYED = """
  SELECT {period} AS period, 'all' AS slice, member_group AS grp, 1e0 AS weight, 0e0 AS x,
         item_id || '=played' AS label
  FROM feedback
  WHERE {in_periods} AND kind = 'play' AND request_id <> '' AND item_id IN {items}"""
_CHOSEN = """
  SELECT {period} AS period, 'all' AS slice, member_group AS grp,
         1e0 / inclusion_probability AS weight,
         (CAST(rank AS double) - 0.5e0) / eligible_count AS x, item_id || '=chosen' AS label
  FROM choice_ranks
  WHERE {in_periods} AND rank IS NOT NULL AND item_id IN {items} {on_surface}"""
_CELLS: Mapping[Measure, tuple[str, ...]] = {
    "exposure_share": (_REQUESTS, _SHOWN),
    "play_rate": (_SHOWN, _PLAYED),
    "position": (_SHOWN,),
    "choice_rank": (_CHOSEN,),
}

ItemId = Annotated[str, Field(pattern=ID_PATTERN)]


class OwnedMetric(BaseModel):
    """One file. floor: the relative change that matters, as a share of the larger side.

    turn: which change alarms. surface: only requests of that surface, None for all; plays carry no
    surface, so play_rate takes none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{2,39}$")
    question: str = Field(min_length=5, max_length=200)
    owner: ItemId
    runbook: str = Field(min_length=5, max_length=300)
    measure: Measure
    items: tuple[ItemId, ...] = Field(min_length=1, max_length=MOST_ITEMS)
    floor: float = Field(gt=0.0, le=1.0)
    turn: Turn = "any"
    surface: ItemId | None = None
    severity: Severity = "high"
    every: Cadence = "day"

    @model_validator(mode="after")
    def _can_be_asked(self) -> OwnedMetric:
        if self.measure == "play_rate" and self.surface is not None:
            raise ValueError("play_rate takes no surface: plays carry none")
        return self


def read_owned_metric(path: Path) -> OwnedMetric:
    """Read a file. Raises: BadData in one line, naming the field that does not fit."""
    try:
        return OwnedMetric.model_validate(tomllib.loads(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise BadData(f"{path}: {place}: {first['msg']}") from error
    except OSError as error:
        raise BadData(f"{path}: no metric can be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadData(f"{path}: no metric can be read ({error})") from error


@dataclass(frozen=True, slots=True)
class UnreadableMetric:
    """A declared metric that cannot be asked: the audit it would have been, and why not."""

    audit: str
    reason: str

    def judge(self) -> Judgement:
        """Return what there is to say of it: nothing, and which file to mend."""
        reason = f"could not judge, because {self.reason}"
        return Judgement(audit=self.audit, status="could_not_judge", reason=reason)


def read_owned_metrics(
    folder: Path,
) -> tuple[tuple[OwnedMetric, ...], tuple[UnreadableMetric, ...]]:
    """Read every .toml of a folder, by name; a file that is none takes no other one with it.

    Of two files with one name the first one counts.
    """
    found: dict[str, OwnedMetric] = {}
    broken = []
    for path in sorted(folder.glob("*.toml")):
        try:
            metric = read_owned_metric(path)
            if metric.name in found:
                raise BadInput(f"{path}: metric {metric.name!r} is declared twice")
            found[metric.name] = metric
        except (BadData, BadInput) as error:
            broken.append(UnreadableMetric(f"{PREFIX}{path.stem}", str(error)))
    return tuple(found.values()), tuple(broken)


def as_audit(metric: OwnedMetric) -> Audit:
    """Make the audit of a declared metric."""
    return Audit(
        name=PREFIX + metric.name,
        question=metric.question,
        component="items",
        severity=metric.severity,
        owner=metric.owner,
        runbook=metric.runbook,
        tables="cells AS (" + "\n  UNION ALL".join(_CELLS[metric.measure]) + "\n)",
        parameters=_parameters(metric),
        judge=partial(_judge, metric=metric),
        test="share or mean per item, jackknife over member groups",
        floors={metric.measure: metric.floor},
        slices=("item",),
        every=metric.every,
        baseline="frozen",
        depth=_SYMPTOM_DEPTH,
        # an item's numbers move when what ranks it breaks; the incident then carries ours too
        explained_by=(Root("item_features"), Root("model"), Root("serving")),
    )


def item_values(metric: OwnedMetric, distributions: Sequence[Distribution]) -> dict[str, Change]:
    """Return the metric of each item before and now, with the p-value of no change.

    Items with fewer than 30 effective rows on either side are left out: too little to say.
    """
    requests = next((found for found in distributions if not found.subject), None)
    found = [one for one in distributions if one.subject]
    if metric.measure in ("position", "choice_rank"):
        return {
            one.subject: mean_change(one.reference, one.window)
            for one in found
            if one.is_supported(LEAST_ROWS)
        }
    pairs = {one.subject: _shares(metric.measure, one, requests) for one in found}
    told = {item: pair for item, pair in pairs.items() if _is_worth_telling(*pair)}
    return dict(zip(told, share_changes(list(told.values())), strict=True))


def _parameters(metric: OwnedMetric) -> dict[str, SqlValue]:
    surface = metric.surface
    condition = "" if surface is None else render_sql("AND surface = {surface}", surface=surface)
    listed = ", ".join(render_sql("{item}", item=item) for item in metric.items)
    parameters: dict[str, SqlValue] = {"items": Declared(f"({listed})")}
    if any("{on_surface}" in part for part in _CELLS[metric.measure]):
        parameters["on_surface"] = Declared(condition)
    return parameters


def _judge(
    distributions: Sequence[Distribution], context: AuditContext, *, metric: OwnedMetric
) -> list[Check]:
    del context
    values = item_values(metric, distributions)
    if not values:
        raise CouldNotJudge(
            f"could not judge, because none of {len(metric.items)} items has {LEAST_ROWS:.0f} rows"
        )
    return [_check(metric, item, change) for item, change in values.items()]


def _check(metric: OwnedMetric, item: str, change: Change) -> Check:
    larger = max(abs(change.baseline), abs(change.observed), 1e-12)
    relative = change.increase / larger
    effect = {"drop": -relative, "rise": relative, "any": abs(relative)}[metric.turn]
    return Check(
        metric=metric.measure,
        subject=item,
        slice={},
        baseline=change.baseline,
        observed=change.observed,
        effect=effect,
        effect_floor=metric.floor,
        p_value=change.p_value,
        evidence={"metric": metric.name, "owner": metric.owner},
    )


def _shares(
    measure: Measure, found: Distribution, requests: Distribution | None
) -> tuple[Weighted, Weighted]:
    if measure == "exposure_share":
        whole = requests or found
        return (
            _share(found.reference, found.places_of("shown"), whole.reference, range(1)),
            _share(found.window, found.places_of("shown"), whole.window, range(1)),
        )
    parts, wholes = found.places_of("played"), found.places_of("shown")
    return (
        _share(found.reference, parts, found.reference, wholes),
        _share(found.window, parts, found.window, wholes),
    )


def _share(part: Sums, cells: Sequence[int], whole: Sums, of: Sequence[int]) -> Weighted:
    whole_cells = list(of)
    return Weighted(
        part.groups[list(cells)].sum(axis=0),
        whole.groups[whole_cells].sum(axis=0),
        float(effective_rows(whole.groups[whole_cells].sum(), whole.squared[whole_cells].sum())),
    )


def _is_worth_telling(before: Weighted, now: Weighted) -> bool:
    return min(float(before.effective_rows), float(now.effective_rows)) >= LEAST_ROWS
