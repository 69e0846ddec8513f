"""The AWS template as it was last agreed on: a change shows in review before it is deployed.

`pytest tests/infra/test_snapshot.py --snapshot-update` agrees on a new one.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from .conftest import Assembly

pytestmark = pytest.mark.xdist_group("infra")

ASSET_HASH = re.compile(r"[0-9a-f]{64}")


def scrub(value: Any) -> Any:
    """Blank what changes without a change of the system: hashes of assets.

    Glue columns are left to the test that compares them with the records they come from.
    """
    if isinstance(value, dict):
        return {
            key: "the record's" if key == "Columns" else scrub(part) for key, part in value.items()
        }
    if isinstance(value, list):
        return [scrub(part) for part in value]
    return ASSET_HASH.sub("<asset>", value) if isinstance(value, str) else value


def test_the_aws_template_is_the_agreed_one(aws: Assembly, snapshot: SnapshotAssertion) -> None:
    assert scrub(aws.template) == snapshot.use_extension(JSONSnapshotExtension)


def test_scrubbing_hides_hashes_and_nothing_else() -> None:
    assert scrub({"S3Key": "a" * 64 + ".zip", "Size": 128, "Columns": [1]}) == {
        "S3Key": "<asset>.zip",
        "Size": 128,
        "Columns": "the record's",
    }
