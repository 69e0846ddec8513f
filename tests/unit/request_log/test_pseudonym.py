from __future__ import annotations

import hashlib
import hmac

from recsysops.request_log.pseudonym import pseudonym_of, unknown_pseudonym


def test_a_pseudonym_is_the_keyed_hash_of_the_member() -> None:
    whole = hmac.new(b"salt-1", b"17", hashlib.sha256).hexdigest()
    assert pseudonym_of("17", salt="salt-1") == whole[:16]


def test_another_salt_unlinks_the_member() -> None:
    assert pseudonym_of("17", salt="a") != pseudonym_of("17", salt="b")
    assert pseudonym_of("17", salt="a") != pseudonym_of("18", salt="a")


def test_an_unknown_member_has_another_name_in_every_request() -> None:
    assert unknown_pseudonym("r-1") == "unknown-" + hashlib.sha256(b"r-1").hexdigest()[:8]
    assert unknown_pseudonym("r-1") != unknown_pseudonym("r-2")
