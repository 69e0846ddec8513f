"""Would members play what we show now, judged by how often they played such slots before?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from recsysops.detection.audits.slot_plays import SHOWN_SLOTS, SLICES, leave_hotfixes_out
from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.statistics.standardised import Standardised, Strata, standardise

_LEAST_SLOTS = 2_000.0
_LEAST_RATE = 1e-4
"""Where next to nothing is ever played, no play can be expected."""

_TABLES = ",".join(
    [
        SHOWN_SLOTS,
        """
{edges},
counted AS (
  SELECT p.period, p.grp, p.slices,
    CAST(CASE WHEN p.position <= 2 THEN p.position WHEN p.position <= 5 THEN 3 ELSE 6 END
         AS varchar) || '_' || coalesce(CAST(width_bucket(p.score, e.bins) AS varchar), 'none')
      AS kind,
    sum(p.weight) AS weight, sum(p.weight * p.play) AS plays
  FROM played p LEFT JOIN edges e ON e.subject = 'score'
  GROUP BY 1, 2, 3, 4
),
cells AS (
  SELECT period, slice, 'slot=' || kind AS label, grp, weight, plays / weight AS x
  FROM counted CROSS JOIN UNNEST(slices) AS s(slice)
  UNION ALL
  SELECT period, slice, label, grp, weight, x FROM hotfixed
)""",
    ]
)

_FLOORS: Mapping[str, float] = {
    # relative loss of the plays that the slots shown would earn at the reference's rates
    "expected_plays": 0.1,
    "expected_plays.slice": 0.2,
    # observed against expected: plays of alike slots; a weekend lifts all of them by some percent
    "calibration": 0.3,
}


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test expected plays, which need no labels of the window, and how observed ones fit them.

    Slots are alike by position and score bin; rates are the reference's (direct standardisation).
    """
    del context
    return [
        check
        for found in leave_hotfixes_out(distributions, of="slots of slates")
        if min(float(s.weights.sum()) for s in (found.reference, found.window)) >= _LEAST_SLOTS
        for check in _checks(found, standardise(_strata(found.reference), _strata(found.window)))
    ]


def _strata(sums: Sums) -> Strata:
    return Strata(sums.groups, sums.values)


def _checks(found: Distribution, rates: Standardised) -> Iterator[Check]:
    if rates.reference < _LEAST_RATE or rates.expected < _LEAST_RATE:
        return
    shared = {
        "subject": "plays",
        "slice": found.slice,
        "nested": bool(found.slice),
        "evidence": {"covered": rates.covered, "play_rate_was": rates.reference},
    }
    yield Check(
        metric="expected_plays",
        baseline=rates.reference,
        observed=rates.expected,
        effect=1.0 - rates.expected / rates.reference,
        effect_floor=_FLOORS["expected_plays.slice" if found.slice else "expected_plays"],
        p_value=float(rates.make_up.p_value),
        **shared,  # type: ignore[arg-type]
    )
    yield Check(
        metric="calibration",
        baseline=rates.expected,
        observed=rates.observed,
        effect=abs(rates.observed / rates.expected - 1.0),
        effect_floor=_FLOORS["calibration"],
        p_value=float(rates.rates.p_value),
        **shared,  # type: ignore[arg-type]
    )


AUDIT = Audit(
    name="expected_plays",
    question="Would members play what we show now, at the rates of before?",
    component="model",
    severity="high",
    owner="ranking",
    runbook="Look which positions and score bins moved; diagnose the model that serves.",
    tables=_TABLES,
    judge=judge,
    to_bin="SELECT 'score' AS subject, score AS x FROM slots WHERE period = 'reference'",
    test="direct standardisation over position x score bin; jackknife over members",
    floors=_FLOORS,
    slices=SLICES,
    depth=8,
    explained_by=(Root(ANYTHING),),
)
