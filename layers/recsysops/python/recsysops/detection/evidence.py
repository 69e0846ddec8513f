"""What a check is shown with: the distribution behind it, before and now, and its slice's size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from recsysops.detection.cells import Distribution, Sums
from recsysops.detection.checks import Check

KEPT_PLOTS = 5
"""Checks of one judgement that carry a plot: Step Functions moves 256 KiB."""
_KEPT_CELLS = 24


def attach_evidence(
    checks: Sequence[Check], distributions: Sequence[Distribution]
) -> Iterable[Check]:
    """Yield the checks, each with its slice's size, the first ones with what can be plotted."""
    for place, check in enumerate(checks):
        found = _distribution_of(check, distributions)
        if found is None:
            yield check
            continue
        evidence = {**_size(found, distributions), **check.evidence}
        if place < KEPT_PLOTS:
            evidence = {"plot": _plot(found), **evidence}
        yield replace(check, evidence=evidence)


def _distribution_of(check: Check, distributions: Sequence[Distribution]) -> Distribution | None:
    """Return the distribution of the check's subject (or with it as a cell) in its slice."""
    inside = [d for d in distributions if d.slice.items() <= dict(check.slice).items()]
    named = [d for d in inside if d.subject == check.subject]
    named = named or [d for d in inside if check.subject in d.cells]
    return max(named, key=lambda d: len(d.slice), default=None)


def _size(found: Distribution, distributions: Sequence[Distribution]) -> dict[str, object]:
    weight = float(found.window.weights.sum())
    wholes = [
        float(d.window.weights.sum())
        for d in distributions
        if not d.slice and d.subject == found.subject
    ]
    told: dict[str, object] = {"window_weight": weight}
    if wholes and wholes[0] > 0:
        told["share_of_window"] = round(weight / wholes[0], 6)
    return told


def _plot(found: Distribution) -> dict[str, object]:
    before, now = _shares(found.reference), _shares(found.window)
    largest = np.argsort(-np.maximum(before, now), kind="stable")[:_KEPT_CELLS]
    kept = np.sort(largest)
    return {
        "of": found.subject,
        "slice": found.slice_name,
        "cells": [found.cells[place] for place in kept],
        "reference": [round(float(before[place]), 5) for place in kept],
        "window": [round(float(now[place]), 5) for place in kept],
    }


def _shares(sums: Sums) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    total = sums.weights.sum()
    return sums.weights / total if total > 0 else np.zeros(len(sums.weights))
