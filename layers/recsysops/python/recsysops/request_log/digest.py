"""A digest over every input of one ranking, so that replay refuses a record that was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import plain_value

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

_SORTED = json.JSONEncoder(sort_keys=True)


def digest_inputs(record: FullRequest) -> str:
    """Return sha256 (hex) of the record's inputs in canonical JSON; outputs are left out.

    Raises: BadData when a number among them is NaN or infinite.
    """
    return digest_columns(record.__dict__)


def digest_columns(columns: Mapping[str, Any]) -> str:
    """Return `digest_inputs` of a record with these columns. Raises: as it does."""
    named = {name: plain_value(name, columns[name]) for name in INPUT_FIELDS}
    added = {name: columns[name] for name in ADDED_FIELDS if columns[name]}
    # "candidates" sorts first, and is nearly all of the text
    candidates = _dump_texts(named.pop("candidates"))
    rest = _SORTED.encode({**named, **added})
    return hashlib.sha256(f'{{"candidates": {candidates}, {rest[1:]}'.encode()).hexdigest()


def _dump_texts(texts: Sequence[str]) -> str:
    """Return json.dumps of a list of texts, in half its time where none needs escaping."""
    run = "".join(texts)
    if len(json.dumps(run)) > len(run) + 2 or not texts:
        return json.dumps(texts)
    joined = '", "'.join(texts)
    return f'["{joined}"]'
