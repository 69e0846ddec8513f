"""Compiles a layer for Lambda's Python, the same bytes wherever it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.settings import LAMBDA_PYTHON

CHOSEN_PYTHON = "RECSYSOPS_LAMBDA_PYTHON"
"""Environment variable: an interpreter of Lambda's version, where none is on the PATH."""
UNPACKED_AT = "/opt"


class BytecodeError(Exception):
    """A layer's modules cannot be compiled."""


def find_lambda_python() -> str | None:
    """Return an interpreter whose bytecode Lambda's Python reads, None without one."""
    candidates = (os.environ.get(CHOSEN_PYTHON), sys.executable, shutil.which(LAMBDA_PYTHON))
    return next((one for one in candidates if one and _version_of(one) == LAMBDA_PYTHON), None)


def compile_layer(folder: Path, *, python: str | None) -> bool:
    """Compile every module below `folder`, as it lies below /opt on Lambda; False without Python.

    Bytecode that carries its source's hash, and is not checked against it, holds no time of a file;
    one process goes through the files in order: the same sources give the same bytes.

    Raises: BytecodeError with the compiler's message.
    """
    if python is None:
        print(
            f"layers carry no bytecode: found no {LAMBDA_PYTHON} (name one in {CHOSEN_PYTHON})",
            file=sys.stderr,
        )
        return False
    command = [python, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode"]
    command += ["unchecked-hash", "-s", str(folder), "-p", UNPACKED_AT, str(folder)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if outcome.returncode:
        raise BytecodeError(f"cannot compile {folder}: {outcome.stdout}{outcome.stderr}".strip())
    return True


def _version_of(python: str) -> str:
    """Return e.g. "python3.13", "" for what cannot be asked (a shim of a version not installed)."""
    ask = "import sys; print('python%d.%d' % sys.version_info[:2])"
    try:
        outcome = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    except OSError:
        return ""
    return outcome.stdout.strip()
