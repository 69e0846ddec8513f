"""The scoring function starts light: a fresh process, and what it then has imported."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pandas", "scipy", "sklearn", "pyarrow", "duckdb", "implicit", "matplotlib",
         "boto3", "botocore", "s3transfer", "aws_lambda_powertools")  # fmt: skip


def test_the_scoring_path_imports_nothing_that_only_others_need() -> None:
    modules = (
        "recsysops.bootstrap, recsysops.adapters.http_edge, recsysops.adapters.serving_metrics, "
        "recsysops.adapters.appconfig_flags, recsysops.adapters.dynamodb_members, "
        "recsysops.adapters.lean_dynamodb, recsysops.adapters.firehose_log, "
        "recsysops.workflows.recommend_items, recsysops.workflows.find_similar_items"
    )
    probe = f"import sys, {modules}; print([name for name in {HEAVY!r} if name in sys.modules])"
    outcome = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert outcome.stdout.strip() == "[]"
