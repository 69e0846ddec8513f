"""Does every surface and country ask for its part of the day's requests?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Final

from recsysops.detection.audits.volume import EXPLAINED_BY, TABLES, judge_volume
from recsysops.detection.declaration import Audit

_FLOORS: Final[Mapping[str, float]] = {
    # a week of growth by 2 % a day is log 1.15
    "requests": math.log(1.35),
    # of the slice's share of the requests, which growth leaves alone
    "request_share": math.log(1.35),
}

AUDIT = Audit(
    name="day_volume",
    question="Does every surface and country ask for its part of the day's requests?",
    component="traffic",
    severity="critical",
    owner="serving",
    runbook="Look at the named slice's clients and routes, and at what changed upstream of them.",
    tables=TABLES,
    judge=partial(judge_volume, floors=_FLOORS),
    baseline="seasonal",
    test="Quasi-Poisson rates against the median week, dispersion from member groups and weeks",
    floors=_FLOORS,
    slices=("surface", "country"),
    depth=1,
    explained_by=EXPLAINED_BY,
)
