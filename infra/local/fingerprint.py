"""Knows when the CDK app would come out differently than last time."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.local.layout import REPOSITORY

_SOURCES = ("infra", "functions", "layers", "cdk.json", "requirements.txt")
_IGNORED = frozenset({"__pycache__", "local", "decisions", "build"})


def fingerprint_sources(root: Path = REPOSITORY) -> str:
    """Return one hash over all that the synthesized app is made of, and the host's Python."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_source_files(root)):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files(root: Path) -> Iterator[Path]:
    for name in _SOURCES:
        source = root / name
        if source.is_file():
            yield source
        yield from (path for path in source.rglob("*") if path.is_file() and _counts(path, root))


def _counts(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return not _IGNORED.intersection(parts) and ".egg-info" not in str(path)
