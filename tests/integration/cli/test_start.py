"""The installed command: it starts fast, and ends with the status that its errors have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {"numpy", "scipy", "pandas", "pydantic", "boto3", "duckdb", "matplotlib", "rich.progress"}
LOADED = "import json, sys, recsysops.cli.app; print(json.dumps(sorted(sys.modules)))"


def test_the_installed_command_ends_with_status_2_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "recsysops.cli.app", "models"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": ""}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("recsysops: no stage is up")
    assert "Traceback" not in done.stderr


def test_help_and_errors_of_use_load_nothing_that_only_a_command_needs() -> None:
    """Commands import late; one heavy import at the top of one of them would slow down all."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "recsysops.cli.hotfix" in loaded
    assert HEAVY & loaded == set()
