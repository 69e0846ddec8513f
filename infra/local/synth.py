"""Knows how to synthesize the laptop stage, and when that can be skipped."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.errors import StageError
from infra.local.layout import REPOSITORY, Layout

_SYNTH_SECONDS = 300


def synthesize(layout: Layout, *, fingerprint: str) -> bool:
    """Bring the cloud assembly up to date; return whether it had to be made.

    Raises:
        StageError: the CDK app failed; the message carries its last line.
    """
    mark = layout.assembly.with_name(f"{layout.assembly.name}.fingerprint")
    mark.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(mark.with_suffix(".lock")):
        if mark.exists() and mark.read_text() == fingerprint and layout.assembly.is_dir():
            return False
        mark.unlink(missing_ok=True)
        _run_app(layout)
        mark.write_text(fingerprint)
        return True


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Wait for whoever synthesizes into the same folder at this moment."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run_app(layout: Layout) -> None:
    arguments = ["--stage", "laptop", "--out", str(layout.assembly)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "infra.app", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=_SYNTH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StageError(f"the CDK app did not finish in {_SYNTH_SECONDS} s") from error
    if done.returncode:
        raise StageError(f"the CDK app failed: {_last_line(done.stderr or done.stdout)}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
