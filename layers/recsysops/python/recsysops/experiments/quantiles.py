"""Normal and Student quantiles and the incomplete gamma function without scipy.

The serving side carries numpy only, and previews run there too. Checked against scipy in tests.
"""

from __future__ import annotations

from math import exp, inf, lgamma, log
from statistics import NormalDist

_ROUNDS = 500
_TINY = 1e-300


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = probability, for 0 < probability < 1."""
    return NormalDist().inv_cdf(probability)


def student_quantile(probability: float, degrees: float) -> float:
    """Return the Student t quantile for degrees >= 3, to about 0.5 %.

    Cornish–Fisher expansion (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964,
    26.7.5). Below 3 degrees the expansion fails: they are read as 3.
    """
    z, n = normal_quantile(probability), max(3.0, degrees)
    terms = (
        (z**3 + z) / 4.0,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96.0,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384.0,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160.0,
    )
    return z + sum(term / n ** (power + 1) for power, term in enumerate(terms))


def lower_gamma(shape: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function P(shape, x), in [0, 1].

    Series below shape + 1, continued fraction (modified Lentz) above (Press et al., Numerical
    Recipes, section 6.2).
    """
    if x <= 0.0:
        return 0.0
    scale = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1.0:
        return scale * _series(shape, x)
    return 1.0 - scale * _continued_fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1.0 / shape
    for step in range(1, _ROUNDS):
        term *= x / (shape + step)
        total += term
        if term < total * 1e-15:
            break
    return total


def _continued_fraction(shape: float, x: float) -> float:
    b = x + 1.0 - shape
    c, d = inf, 1.0 / (b if b else _TINY)
    result = d
    for step in range(1, _ROUNDS):
        a = step * (shape - step)
        b += 2.0
        d = 1.0 / ((a * d + b) or _TINY)
        c = (b + a / c) or _TINY
        result *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return result
