"""Do models look like those before them, also before they serve: norms, zeros, training plays?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check
from recsysops.detection.compare import mean_change, share_changes
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root, block_of, is_idle, owner_of
from recsysops.errors import CouldNotJudge
from recsysops.request_log.job_records import PROFILE_DAY
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
  SELECT period, surface, model_id, CAST(count(*) AS double) AS requests
  FROM (
    SELECT {period} AS period, coalesce(surface, 'none') AS surface, model_id
    FROM slim_requests WHERE {in_periods} AND model_id <> ''
  )
  GROUP BY period, surface, model_id
),
answered AS (
  SELECT period, model_id, sum(requests) AS requests FROM served GROUP BY period, model_id
),
weights AS (
  SELECT period, model_id, requests / sum(requests) OVER (PARTITION BY period) AS weight
  FROM answered
),
mostly AS (
  SELECT period, max_by(model_id, weight) AS model_id FROM weights GROUP BY period
),
by_surface AS (
  SELECT period, surface, max_by(model_id, requests) AS model_id
  FROM served GROUP BY period, surface
),
profiles AS (
  SELECT model_id, trained_at, subject, segment, item_group AS grp,
         CAST(items AS double) AS items, total, CAST(zeros AS double) AS zeros
  FROM model_profiles WHERE dt = {profile_day}
),
known AS (SELECT model_id, max(trained_at) AS trained_at FROM profiles GROUP BY model_id),
newest AS (
  SELECT w.period, max(k.trained_at) AS trained_at
  FROM weights w JOIN known k ON k.model_id = w.model_id WHERE w.period <> 'reference'
  GROUP BY w.period
),
parts AS (
  SELECT period, '' AS part, model_id, weight FROM weights
  UNION ALL
  SELECT b.period, 'surface ' || b.surface || '/' AS part, b.model_id, 1e0 AS weight
  FROM by_surface b JOIN mostly m ON m.period = b.period AND m.model_id <> b.model_id
  UNION ALL
  SELECT n.period, 'candidate ' || k.model_id || '/' AS part, k.model_id, 1e0 AS weight
  FROM known k JOIN newest n ON k.trained_at > n.trained_at
  LEFT JOIN weights w ON w.model_id = k.model_id AND w.period IN (n.period, 'reference')
  WHERE w.model_id IS NULL
),
cells AS (
  SELECT w.period, 'all' AS slice, 0 AS grp, w.weight, 0e0 AS x,
         'profile=' || CASE WHEN k.model_id IS NULL THEN 'missing' ELSE 'known' END AS label
  FROM weights w LEFT JOIN known k ON k.model_id = w.model_id
  UNION ALL
  SELECT w.period, p.segment AS slice, p.grp, w.weight * p.zeros AS weight, 0e0 AS x,
         w.part || p.subject || '=zero' AS label
  FROM parts w JOIN profiles p ON p.model_id = w.model_id
  WHERE p.zeros > 0e0
  UNION ALL
  SELECT w.period, p.segment AS slice, p.grp, w.weight * (p.items - p.zeros) AS weight,
         p.total / (p.items - p.zeros) AS x, w.part || p.subject || '=filled' AS label
  FROM parts w JOIN profiles p ON p.model_id = w.model_id
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

    Models are compared as they serve: each counts with its share of the period's requests. The
    model of a surface of its own is compared with that surface's before, an approved candidate
    with what it would replace, by subjects like 'candidate m-1/collaborative'.
    """
    _refuse_unprofiled(distributions)
    found = [_as_items(one) for one in distributions if one.subject != "profile"]
    serving = {(one.slice_name, one.subject): one for one in found if not owner_of(one.subject)}
    parts: dict[str, list[Distribution]] = {}
    for one in found:
        if owner := owner_of(one.subject):
            parts.setdefault(owner, []).append(one)
    checks = _compare(list(serving.values()))
    for owner, own in parts.items():
        pairs = _against_serving(owner, own, serving, context) if is_idle(owner) else _unnamed(own)
        checks += [replace(check, subject=f"{owner}/{check.subject}") for check in _compare(pairs)]
    return checks


def _compare(found: Sequence[Distribution]) -> list[Check]:
    plays = {one.slice_name: one for one in found if one.subject == _PLAYS}
    blocks = [one for one in found if one.subject != _PLAYS and one.is_supported(_LEAST_ITEMS)]
    checks = [check for one in blocks for check in _block_checks(one)]
    return [*_beyond_the_whole(checks), *_training_checks(plays)]


def _unnamed(own: Sequence[Distribution]) -> list[Distribution]:
    """Return a surface's own distributions by block, if it had a model of its own before."""
    return [
        replace(one, subject=block_of(one.subject))
        for one in own
        if one.reference.weights.sum() and one.window.weights.sum()
    ]


def _against_serving(
    owner: str,
    own: Sequence[Distribution],
    serving: Mapping[tuple[str, str], Distribution],
    context: AuditContext,
) -> list[Distribution]:
    """Return a candidate against what serves now; one that the registry dropped is left alone."""
    if owner.partition(" ")[2] not in context.approved_models:
        return []
    pairs = []
    for one in own:
        now = serving.get((one.slice_name, block_of(one.subject)))
        if now is not None:
            pairs.append(replace(now, reference=now.window).with_window_of(one))
    return pairs


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
    if whole is None or not whole.is_supported(_LEAST_ITEMS):
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
    question="Do the models that serve, or may next, look like those before them?",
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
