"""Where something is found: the slice that names a place, and which places speak of one thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from recsysops.vocabulary import Finding

Place = Mapping[str, str]
"""Dimensions and their values, {} for everywhere."""

_NO_PLACES: Final = ("hour",)
"""Dimensions that say when, not where."""
_SHARES_OF_EVERYTHING: Final = ("request_share",)
"""Metrics whose share is of all rows already, not of the slice's own."""


def place_of(finding: Finding) -> Place:
    """Return where a finding is: its slice without the hour and without the subject itself.

    A category of the subject ({"language": "ja"}) says what is broken; it is no place.
    """
    itself = (finding.subject, finding.subject.rpartition(".")[2])
    return {
        dimension: value
        for dimension, value in finding.slice.items()
        if dimension not in (*_NO_PLACES, *itself)
    }


def covers(wide: Place, narrow: Place) -> bool:
    """Tell whether one place holds the whole of another.

    >>> covers({}, {"country": "de"}), covers({"country": "de"}, {"surface": "home"})
    (True, False)
    """
    return wide.items() <= narrow.items()


def is_same_place(one: Place, other: Place) -> bool:
    """Tell whether one of two places holds the other."""
    return covers(one, other) or covers(other, one)


def moved_share(finding: Finding) -> float:
    """Return the finding's change as a share of all rows, as far as its evidence tells.

    What only mirrors a change elsewhere cannot move more rows than that change did.
    """
    change = abs(finding.observed - finding.baseline)
    if finding.metric in _SHARES_OF_EVERYTHING:
        return change
    return change * float(str(finding.evidence.get("share_of_window", 1.0)))
