"""Every number that decides an alarm, with its reason.

Fixed on worlds with seeds 0 to 9; results are reported on other seeds. An effect floor is at most
half of the smallest change that must be found: a 10 % corruption of a column stands at twice its
floor or more. Largest effects of ten quiet real worlds (MovieLens re-timed, nightly batches, two
days apart), all far from significant: KS 0.022 (price of one supplier), category 0.21 relative
(out of stock in one supplier), one repeated value 0.020 (price in one genre), requests of one
hour halved (17 after 35), mean shift of scores and blocks below a quarter of the floors, mean rank
percentile 0.03 over all choices and 0.07 in a slice.
"""

from __future__ import annotations

import math
from typing import Final

ALERT_BUDGET_PER_WEEK: Final = 0.1
"""Expected runs with a false incident in a quiet week, with every audit on (issue 4)."""

KEPT_P_VALUE: Final = 0.05
"""Above this no check can survive false-discovery control: it is counted, not carried."""
KEPT_CHECKS: Final = 60
"""Checks one judgement carries at most; Step Functions moves 256 KiB. Dropped ones count as
p = 1, which can only make alarms rarer."""

LEAST_ROWS: Final = 30.0
"""Fewer effective rows than this in a period, and a slice is not judged."""

# items as served -----------------------------------------------------------------------------
DEFAULT_SHARE_FLOOR: Final = 0.02
"""Rise of the share of null, zero, empty or one repeated value over all items. Nightly batches
move it by less than 0.002; a 10 % corruption stands at five times the floor."""
DEFAULT_SHARE_SLICE_FLOOR: Final = 0.05
"""The same inside one supplier, language or genre: a tenth of it stands at twice the floor."""

KS_FLOOR: Final = 0.04
"""Distance of cumulative shares. A 10 % zero-fill gives about 0.095, a 10 % fill with the median
about 0.05; a supplier's nightly price moves stay below 0.02."""
PSI_FLOOR: Final = 0.2
"""A large shift by the usual reading; 0.1 is crossed by one full bin of twenty alone."""
JS_FLOOR: Final = 0.1
"""Jensen-Shannon distance in base 2, NannyML's default."""
CATEGORY_CHANGE_FLOOR: Final = 0.5
"""Relative loss or gain of one category's share: half of a language gone is a fault, whatever
its share of the catalogue."""
CATEGORY_LEAST_ITEMS: Final = 15.0
"""A category must be worth so many items on its larger side: five items come and go."""
CATEGORY_SHARE_FLOOR: Final = 0.05
"""Absolute change of a common category's share (in stock, for instance)."""

OLDER_SHARE_FLOOR: Final = 0.02
"""Items whose batch is older than any batch the reference served for them: never in a quiet
world, so the floor only forgives a supplier's correction of a few items."""
LAG_DAYS: Final = 3.0
"""A source lags when its batches are this much older than twice their age in the reference."""

# requests ------------------------------------------------------------------------------------
VOLUME_FLOOR: Final = math.log(1.5)
"""|log ratio| of a surface's requests: half as many again, or a third fewer."""
VOLUME_HOUR_FLOOR: Final = math.log(3.0)
"""The same in one hour, where a day holds 50 requests an hour."""
VOLUME_LEAST: Final = 30.0
"""Requests on the larger side."""
WRONG_MODEL_FLOOR: Final = 0.02
FALLBACK_FLOOR: Final = 0.02
"""Rise of the share of requests with one fallback reason."""

# scores and choices --------------------------------------------------------------------------
SCORE_SHIFT_FLOOR: Final = 0.5
"""Mean shift of shown scores, in robust sigmas of the reference."""
SCORE_KS_FLOOR: Final = 0.25
BLOCK_ROWS: Final = 10
"""Contributions are read of so many of the best items of a full record."""
ZERO_SHARE_FLOOR: Final = 0.25
"""Rise of the share of exact zeros among a block's contributions; a block that a broken export
lost goes to 1."""
BLOCK_SHIFT_FLOOR: Final = 1.0
SPREAD_FLOOR: Final = math.log(3.0)
"""|log ratio| of the standard deviation of a block's contributions."""

CHOICE_RANK_FLOOR: Final = 0.05
"""Rise of the mean rank percentile of what members chose (0 best, 1 worst)."""
CHOICE_TAIL: Final = 0.5
CHOICE_TAIL_FLOOR: Final = 0.1
"""Rise of the share of choices that were ranked in the lower half."""
NOT_CANDIDATE_FLOOR: Final = 0.05
"""Rise of the share of choices that could not have been ranked at all."""
