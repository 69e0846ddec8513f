"""Finding and reading the text files of a data set in a folder or zip, plain or gzipped."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recsysops.errors import BadData


@dataclass(frozen=True, slots=True)
class TextFile:
    """One file as lines without their ends; `label` is what error messages call it."""

    label: str
    lines: tuple[str, ...]

    def complaint(self, line_number: int, what: str) -> BadData:
        """Return the one-line error about a line, counted from 1."""
        return BadData(f"{self.label} line {line_number}: {what}")


@dataclass(frozen=True, slots=True)
class FileTree:
    """The files of a folder (not below it) or of a zip, by name without folders and '.gz'."""

    origin: Path
    readers: dict[str, tuple[str, Callable[[], bytes]]]

    def find(self, ending: str) -> str | None:
        """Return the name equal to `ending`, else the only one that ends in it, else None."""
        if ending in self.readers:
            return ending
        found = [name for name in self.readers if name.endswith(ending)]
        found = found or [name for name in self.readers if _stem_matches(name, ending)]
        return found[0] if len(found) == 1 else None

    def read(self, name: str) -> TextFile:
        """Read one file. Raises: BadData when it cannot be read or is no text."""
        label, reader = self.readers[name]
        try:
            body = reader()
            body = gzip.decompress(body) if label.endswith(".gz") else body
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise BadData(f"{label}: cannot be read ({error})") from error
        return TextFile(label, _lines(_decode(label, body)))


def open_tree(path: Path) -> FileTree:
    """List the files of a folder or zip without reading them.

    Raises: BadData when the path is neither.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        return FileTree(path, {_plain_name(f.name): (str(f), f.read_bytes) for f in files})
    if not path.exists():
        raise BadData(f"{path}: no such folder or zip")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (OSError, zipfile.BadZipFile) as error:
        raise BadData(f"{path}: neither a folder nor a readable zip ({error})") from error
    return FileTree(
        path,
        {_plain_name(PurePosixPath(n).name): (f"{path}:{n}", _zip_reader(path, n)) for n in names},
    )


def _zip_reader(path: Path, name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)

    return read


def _decode(label: str, body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        if ".dat" in label:
            return body.decode("latin-1")  # MovieLens 1M and older
        line_number = body.count(b"\n", 0, error.start) + 1
        raise BadData(f"{label} line {line_number}: not UTF-8 text") from error


def _plain_name(name: str) -> str:
    return name.removesuffix(".gz")


def _stem_matches(name: str, ending: str) -> bool:
    """Accept 'mt_ratings_to_2013.dat' for 'ratings.dat'."""
    stem, suffix = ending.rsplit(".", 1)
    return name.endswith(f".{suffix}") and stem in name


def _lines(text: str) -> tuple[str, ...]:
    # str.splitlines would also break at form feeds and Unicode separators inside titles
    return tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n"))
