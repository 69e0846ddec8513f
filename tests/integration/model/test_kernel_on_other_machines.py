"""Scores are the same bits whatever processor a fresh process pretends to run on."""

from __future__ import annotations

import hashlib
import inspect
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from recsysops.model.kernel import Block, block_contributions, round_scores

CHILD_HEAD = """
import hashlib
import numpy as np
from recsysops.model.kernel import Block, block_contributions, round_scores
"""


MACHINES = {
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
    # names of older and newer numpy; those a build does not know are ignored with a warning
    "Sandybridge without vector units": {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX2 FMA3 AVX512F",
    },
}


def hash_of_scores() -> str:
    """Digest of the scores of problems of several shapes, the same in every process."""
    digest = hashlib.sha256()
    for number, (count, width) in enumerate(((1, 45), (37, 45), (500, 64), (9000, 59), (333, 7))):
        rng = np.random.default_rng(number)
        blocks = (Block("a", 0, width // 3), Block("b", width // 3, width))
        rows = rng.normal(size=(count, width)).astype(np.float32)
        contributions = block_contributions(
            rows,
            rng.normal(size=width).astype(np.float32),
            bias=rng.normal(size=count).astype(np.float32),
            blocks=blocks,
        )
        digest.update(round_scores(contributions).tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def hash_by_machine() -> dict[str, str]:
    """Digest of the same scores in children that all pretend to be another processor."""
    code = f"{CHILD_HEAD}{inspect.getsource(hash_of_scores)}print(hash_of_scores())"
    path = os.pathsep.join(sys.path)
    children = {
        name: subprocess.Popen(
            [sys.executable, "-S", "-W", "ignore", "-c", code],
            env={**os.environ, "PYTHONPATH": path, **changes},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, changes in MACHINES.items()
    }
    hashes = {name: child.communicate(timeout=60)[0].strip() for name, child in children.items()}
    # a processor may lack what a core type asks for
    assert all(child.returncode in (0, -signal.SIGILL) for child in children.values())
    return hashes


@pytest.mark.parametrize("name", MACHINES)
def test_scores_are_the_same_bits_under_every_blas_kernel_and_vector_unit(
    name: str, hash_by_machine: dict[str, str]
) -> None:
    if not hash_by_machine[name]:
        pytest.skip(f"this processor cannot run as {name}")
    assert hash_by_machine[name] == hash_of_scores()
