"""Sums whose terms a fair draw added or took away: how far from zero such a sum can be by chance.

Members of a roll-out are drawn into canary or control, half and half, and a member's requests go
where the member goes. Given how much every member asks for, nothing is unknown: the difference is
Σ aᵢεᵢ with known weights aᵢ and fair signs εᵢ. Its error need not be estimated from what happened,
which is what a jackknife does, and gets wrong where a few heavy members carry a slice.
"""

from __future__ import annotations

import math
from typing import Final

_TIMES_NORMAL: Final = 3.18
"""Tail of any such sum over the normal's with the same variance, at most."""


def fair_draw_p_value(total: float, weight_squared: float) -> float:
    """Return an upper bound of P(|Σ aᵢεᵢ| ≥ |total|) for fair signs ε and Σ aᵢ² = weight_squared.

    It holds for every number of terms and any weights. No weight gives NaN.
    Source: Bentkus and Dzindzalieta, A tight Gaussian bound for weighted sums of Rademacher random
    variables (2015).

    >>> round(fair_draw_p_value(40.0, 100.0), 6)
    0.000201
    """
    if not weight_squared > 0.0:
        return math.nan
    tail = math.erfc(abs(total) / math.sqrt(2.0 * weight_squared))
    return min(1.0, _TIMES_NORMAL * tail)
