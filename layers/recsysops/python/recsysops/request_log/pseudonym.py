"""Knows how the log names a member: a keyed hash whose key dies with the member's row."""

from __future__ import annotations

import hashlib
import hmac

_HEX_DIGITS = 16
_UNKNOWN_HEX_DIGITS = 8


def pseudonym_of(member_id: str, *, salt: str) -> str:
    """Return the first 16 hex digits of HMAC-SHA256(salt, member_id).

    >>> pseudonym_of("17", salt="a") == pseudonym_of("17", salt="b")
    False
    """
    return hmac.digest(salt.encode(), member_id.encode(), "sha256").hex()[:_HEX_DIGITS]


def unknown_pseudonym(request_id: str) -> str:
    """Name a member without a row: another name for every request, as no salt could be kept."""
    return "unknown-" + hashlib.sha256(request_id.encode()).hexdigest()[:_UNKNOWN_HEX_DIGITS]
