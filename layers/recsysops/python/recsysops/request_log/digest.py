"""A digest over every input of one ranking, so that replay refuses a record that was changed."""

from __future__ import annotations

import hashlib
import json

from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import to_row

INPUT_FIELDS = (
    "request_id",
    "event_time",
    "surface",
    "member_known",
    "member_vector",
    "context",
    "limit",
    "candidates",
    "excluded",
    "model_id",
    "delta_id",
    "flag_version",
    "hotfix_ids",
    "explore_rate",
    "code_version",
    "fingerprint",
)


ADDED_FIELDS = ("explore_first_rank", "filters", "session_items", "surface_plan", "layout")
"""Inputs added since schema version 1: hashed where they say something, so that the digests of
older records stay what they were."""


def digest_inputs(record: FullRequest) -> str:
    """Return sha256 (hex) of the record's inputs in canonical JSON; outputs are left out."""
    row = to_row(record)
    named = {name: row[name] for name in INPUT_FIELDS}
    added = {name: row[name] for name in ADDED_FIELDS if row[name]}
    inputs = json.dumps({**named, **added}, sort_keys=True)
    return hashlib.sha256(inputs.encode()).hexdigest()
