"""Do the models that serve look like those before them: norms, zeros, what they were trained on?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.errors import CouldNotJudge
from recsysops.request_log.records import PROFILE_DAY
from recsysops.statistics.shares import Weighted
from recsysops.statistics.totals import compare_log_ratio

_PLAYS = "training_plays"
_CORRELATION = "popularity_correlation"
_POPULARITY = "popularity"
_LEAST_ITEMS = 30.0
_UNPROFILED = 0.5
"""With more of a window's requests than this answered by models without a profile, it is blind."""

_TABLES = """
served AS (
  SELECT period, model_id, CAST(count(*) AS double) AS requests
  FROM (
    SELECT {period} AS period, model_id FROM slim_requests WHERE {in_periods} AND model_id <> ''
  )
  GROUP BY period, model_id
),
weights AS (
  SELECT period, model_id, requests / sum(requests) OVER (PARTITION BY period) AS weight
  FROM served
),
profiles AS (
  SELECT model_id, subject, segment, item_group AS grp, CAST(items AS double) AS items, total,
         CAST(zeros AS double) AS zeros
  FROM model_profiles WHERE dt = {profile_day}
),
known AS (SELECT DISTINCT model_id FROM profiles),
cells AS (
  SELECT w.period, 'all' AS slice, 0 AS grp, w.weight, 0e0 AS x,
         'profile=' || CASE WHEN k.model_id IS NULL THEN 'missing' ELSE 'known' END AS label
  FROM weights w LEFT JOIN known k ON k.model_id = w.model_id
  UNION ALL
  SELECT w.period, p.segment AS slice, p.grp, w.weight * p.zeros AS weight, 0e0 AS x,
         p.subject || '=zero' AS label
  FROM weights w JOIN profiles p ON p.model_id = w.model_id
  WHERE p.zeros > 0e0
  UNION ALL
  SELECT w.period, p.segment AS slice, p.grp, w.weight * (p.items - p.zeros) AS weight,
         p.total / (p.items - p.zeros) AS x, p.subject || '=filled' AS label
  FROM weights w JOIN profiles p ON p.model_id = w.model_id
  WHERE p.items > p.zeros
)"""

_FLOORS: Mapping[str, float] = {
    # items whose part of the vector is all zeros were trained as missing; a tenth is twice this
    "encoded_missing_share": 0.05,
    "encoded_missing_share.slice": 0.1,
    # |log ratio| of a block's mean norm; a retraining on a day more of plays moves it by hundredths
    "norm": 0.2,
    "norm.slice": 0.3,
    # how the whole vector's norm goes with popularity
    "popularity_correlation": 0.15,
    # |log ratio| of a segment's share of the training plays
    "training_share": 0.2,
    # |log ratio| of all plays: decayed, they double while a shop is young; a lost day is not this
    "training_plays": math.log(2.5),
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test norms, zeros and correlation by block, and plays trained on by segment.

    Models are compared as they serve: each counts with its share of the period's requests.
    """
    del context
    _refuse_unprofiled(distributions)
    found = [_as_items(one) for one in distributions if one.subject != "profile"]
    plays = {one.slice_name: one for one in found if one.subject == _PLAYS}
    blocks = [one for one in found if one.subject != _PLAYS and one.is_supported(_LEAST_ITEMS)]
    checks = [check for one in blocks for check in _block_checks(one)]
    return [*_beyond_the_whole(checks), *_training_checks(plays)]


def _beyond_the_whole(checks: Sequence[Check]) -> Iterator[Check]:
    """What moved in every segment alike is told once; a segment counts by what it moved more."""
    wholes = {(check.metric, check.subject): check.effect for check in checks if not check.nested}
    for check in checks:
        common = wholes.get((check.metric, check.subject), 0.0) if check.nested else 0.0
        yield replace(check, effect=check.effect - common)


def _refuse_unprofiled(distributions: Sequence[Distribution]) -> None:
    for found in distributions:
        if found.subject == "profile":
            weights = found.window.weights
            if not weights.sum():
                raise CouldNotJudge("could not judge, because no model served in the window")
            if weights[found.places_of("missing")].sum() > _UNPROFILED * weights.sum():
                raise CouldNotJudge(
                    "could not judge, because the models that served have no profile: does the "
                    "step check_models run?"
                )
            return
    raise CouldNotJudge("could not judge, because no model served in the window")


def _as_items(found: Distribution) -> Distribution:
    """Count items rather than groups of them: every item weighs the same."""
    return replace(found, reference=_item_sums(found.reference), window=_item_sums(found.window))


def _item_sums(sums: Sums) -> Sums:
    return replace(sums, rows=sums.weights, squared=sums.weights)


def _block_checks(found: Distribution) -> Iterator[Check]:
    if found.subject == _CORRELATION:
        change = mean_change(found.reference, found.window)
        effect = abs(change.increase)
        yield _check(found, _CORRELATION, effect, change.p_value, change.baseline, change.observed)
        return
    if found.subject == _POPULARITY:
        return  # as of training; what is served is another audit's matter
    [zeros] = share_changes([found.share_of(found.places_of("zero"))])
    yield _check(
        found, "encoded_missing_share", zeros.increase, zeros.p_value, zeros.baseline,
        zeros.observed,
    )  # fmt: skip
    filled = found.only("filled")
    norm = mean_change(filled.reference, filled.window)
    if norm.baseline > 0 and norm.observed > 0:
        effect = abs(math.log(norm.observed / norm.baseline))
        yield _check(found, "norm", effect, norm.p_value, norm.baseline, norm.observed)


def _training_checks(plays: Mapping[str, Distribution]) -> Iterator[Check]:
    whole = plays.get("all")
    if whole is None:
        return
    before, now = (sums.values.sum(axis=0) for sums in (whole.reference, whole.window))
    total = compare_log_ratio(before, now)
    yield _check(
        whole, "training_plays", abs(float(total.value)), float(total.p_value), before.sum(),
        now.sum(),
    )  # fmt: skip
    parts = [one for one in plays.values() if one.slice and one.is_supported(_LEAST_ITEMS)]
    pairs = [(_share(one.reference, before), _share(one.window, now)) for one in parts]
    for found, change in zip(parts, share_changes(pairs), strict=True):
        if change.baseline > 0 and change.observed > 0:
            effect = abs(math.log(change.observed / change.baseline))
            yield _check(
                found, "training_share", effect, change.p_value, change.baseline, change.observed
            )


def _share(part: Sums, whole: object) -> Weighted:
    return Weighted(part.values.sum(axis=0), whole, part.effective)  # type: ignore[arg-type]


def _check(  # noqa: PLR0917 - a row of six numbers
    found: Distribution, metric: str, effect: float, p_value: float, baseline: float,
    observed: float,
) -> Check:  # fmt: skip
    slice_floor = _FLOORS.get(f"{metric}.slice")
    return Check(
        metric=metric,
        subject=found.subject,
        slice=found.slice,
        baseline=float(baseline),
        observed=float(observed),
        effect=float(effect),
        effect_floor=slice_floor if found.slice and slice_floor else _FLOORS[metric],
        p_value=float(p_value),
        nested=bool(found.slice),
    )


AUDIT = Audit(
    name="model_profile",
    question="Do the models that serve look like those before them?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Compare the training data of the named segment; pin the last good model; retrain.",
    tables=_TABLES,
    parameters={"profile_day": PROFILE_DAY},
    judge=judge,
    test="means, shares and log ratios of artefact against artefact; jackknife over items",
    floors=_FLOORS,
    slices=("genre", "language", "source"),
    depth=3,
    # what a model was trained on shows in all of its numbers
    explained_by=(Root("served_model"), Root("model_profile")),
    telling=("training_plays", "encoded_missing_share", "training_share", "norm"),
)
