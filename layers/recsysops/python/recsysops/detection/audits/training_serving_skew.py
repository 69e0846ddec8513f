"""Do logged requests, repeated from artefact, snapshot and member vector, come out the same?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.roots import Root
from recsysops.detection.thresholds import LEAST_ROWS
from recsysops.errors import CouldNotJudge
from recsysops.statistics.counts import compare_with_tolerated

_WHOLE = "replay"
_EXACT = 1e-6
"""Contributions that differ by less are rounding of another machine."""
_METRICS = {"different": "replay_differs_share", "refused": "replay_refused_share"}

_TABLES = """
replayed AS (
  SELECT {period} AS period, member_group AS grp, surface, outcome, blocks, block_differences,
         1e0 / inclusion_probability AS weight
  FROM replayed_requests
  WHERE {in_periods}
),
cells AS (
  SELECT period, slice, grp, weight, 0e0 AS x, 'replay=' || outcome AS label
  FROM replayed CROSS JOIN UNNEST(ARRAY['all', 'surface=' || surface]) AS s(slice)
  UNION ALL
  SELECT period, 'all' AS slice, grp, weight, block_differences[n] AS x, blocks[n] || '='
         || CASE WHEN block_differences[n] > {exact} THEN 'differs' ELSE 'equal' END AS label
  FROM (SELECT * FROM replayed WHERE cardinality(block_differences) > 0)
  CROSS JOIN UNNEST(sequence(1, cardinality(block_differences))) AS t(n)
)"""

_FLOORS: Mapping[str, float] = {
    # every request can be repeated bit for bit: one in fifty that cannot is a fault. Power at twice
    # the floor, one finding among 130 wholes (p <= 1.4e-5): 1,000 repeats are worth 650 when a
    # third of them were logged at six times the rate; 14 that differ decide, 26 are to be expected,
    # and at least 14 come with probability 0.99. 300 repeats, as once: 0.5
    "replay_differs_share": 0.02,
    "replay_refused_share": 0.02,
    "block_differs_share": 0.02,
}
_TOLERATED = 0.25
"""Of the floor: what may differ without a fault, as when a scorer is replaced in mid-request."""


def judge(distributions: Sequence[Distribution], context: AuditContext) -> list[Check]:
    """Test the share of the window's requests, and of each block, that come out differently.

    Against what may differ, whatever was: all must come out the same.
    """
    del context
    if not any(found.window.rows.sum() for found in distributions):
        raise CouldNotJudge("could not judge, because no request of the window was repeated")
    tested = [
        (found, cell, _METRICS.get(cell, "block_differs_share"))
        for found in distributions
        if found.window.effective >= LEAST_ROWS
        for cell in (("different", "refused") if found.subject == _WHOLE else ("differs",))
        if cell in found.cells
    ]
    return [_check(found, cell, metric=metric) for found, cell, metric in tested]


def _check(found: Distribution, cell: str, *, metric: str) -> Check:
    floor = _FLOORS[metric]
    share = found.window.share_of(found.places_of(cell))
    differing = compare_with_tolerated(share, tolerated=_TOLERATED * floor)
    return Check(
        metric=metric,
        subject=found.subject,
        slice=found.slice,
        baseline=0.0,
        observed=float(differing.value),
        effect=float(differing.value),
        effect_floor=floor,
        p_value=float(differing.p_value),
        nested=bool(found.slice),
        evidence=_largest_difference(found, cell),
    )


def _largest_difference(found: Distribution, cell: str) -> dict[str, object]:
    if cell != "differs":
        return {}
    [place] = found.places_of(cell)
    weight = float(found.window.weights[place])
    mean = float(found.window.values[place].sum()) / weight if weight > 0 else 0.0
    return {"mean_of_largest_differences": mean}


AUDIT = Audit(
    name="training_serving_skew",
    question="Do logged requests, repeated offline, come out the same?",
    component="serving",
    severity="high",
    owner="serving",
    runbook="Replay one named request with --explain; compare vectors, snapshot and flags.",
    tables=_TABLES,
    parameters={"exact": _EXACT},
    judge=judge,
    needs_reference=False,
    baseline="none",
    test="share of requests that differ, binomial above a quarter of the floor; design effect",
    floors=_FLOORS,
    slices=("surface",),
    depth=4,
    explained_by=(Root("training_serving_skew"),),
    telling=("block_differs_share", "replay_differs_share", "replay_refused_share"),
)
