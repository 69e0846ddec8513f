"""The names of the faults, apart from what they write: commands list them without numpy."""

from __future__ import annotations

from typing import Literal, get_args

FaultName = Literal[
    "language_misconfigured",
    "numeric_zero_filled",
    "stale_supplier_batch",
    "supplier_genres_lost",
    "wrong_model_pinned",
    "artefact_block_zeroed",
    "none",
]
FAULT_NAMES: tuple[FaultName, ...] = get_args(FaultName)
INPUT_FAULTS = (
    "language_misconfigured",
    "numeric_zero_filled",
    "stale_supplier_batch",
    "supplier_genres_lost",
)
