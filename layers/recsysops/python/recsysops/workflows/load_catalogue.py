"""Loads artefacts, deltas and flag documents from the artefact bucket, verified and cached."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

from recsysops.errors import ArtefactError, FlagError, NotFound
from recsysops.model.artefact import (
    ARRAY_NAMES,
    ModelArtefact,
    PlaceArray,
    artefact_key,
    read_npy,
    unpack_artefact,
)
from recsysops.model.catalogue import Catalogue, assemble_catalogue
from recsysops.model.delta import POINTER_KEY, DeltaSnapshot, delta_key, unpack_delta
from recsysops.ports import BlobStore
from recsysops.serving.flag_document import flag_document_key, parse_flag_document
from recsysops.serving.hotfixes import apply_hotfixes, changes_catalogue
from recsysops.serving.static_list import StaticList, parse_static_list, static_list_key
from recsysops.vocabulary import FlagDocument, Hotfix

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class DeltaPointer:
    """Which snapshot is served now, and the model it was made with."""

    delta_id: str
    as_of: datetime
    model_id: str


class CatalogueCache:
    """Catalogues by (model, delta, hotfixes), at most `capacity` of each kind in memory.

    Safe to use from several threads: the lock is never held while something loads.
    """

    def __init__(
        self, blobs: BlobStore, *, capacity: int = 8, place_matrix: PlaceArray = read_npy
    ) -> None:
        self.blobs = blobs
        self._place_matrix = place_matrix
        self._artefacts: _Recent[ModelArtefact] = _Recent(capacity)
        self._deltas: _Recent[DeltaSnapshot] = _Recent(capacity)
        self._plain: _Recent[Catalogue] = _Recent(capacity)
        self._varied: _Recent[tuple[tuple[Hotfix, ...], Catalogue]] = _Recent(2 * capacity)
        self._flags: _Recent[FlagDocument] = _Recent(2 * capacity)

    def load(self, model_id: str, delta_id: str, hotfixes: Sequence[Hotfix] = ()) -> Catalogue:
        """Return the catalogue as served, with hotfixes applied.

        Raises: ArtefactError when a file is missing, changed or does not fit; DependencyError.
        """
        plain = self._plain.get((model_id, delta_id))
        if plain is None:
            plain = self._assemble(model_id, delta_id)
            self._plain.put((model_id, delta_id), plain)
        return self.vary(plain, hotfixes)

    def vary(self, plain: Catalogue, hotfixes: Sequence[Hotfix]) -> Catalogue:
        """Return a loaded catalogue with overrides and masks applied, cached by their content."""
        acting = changes_catalogue(hotfixes)
        if not acting:
            return plain
        key = (plain.model_id, plain.delta_id, *(hotfix.hotfix_id for hotfix in acting))
        known = self._varied.get(key)
        if known is None or known[0] != acting:
            known = (acting, apply_hotfixes(plain, acting))
            self._varied.put(key, known)
        return known[1]

    def artefact(self, model_id: str) -> ModelArtefact:
        """Return a verified artefact. Raises: ArtefactError, DependencyError."""
        artefact = self._artefacts.get(model_id)
        if artefact is None:
            artefact = load_artefact(self.blobs, model_id, place_matrix=self._place_matrix)
            self._artefacts.put(model_id, artefact)
        return artefact

    def flag_document(self, version: str) -> FlagDocument:
        """Return a deployed flag document by version. Raises: FlagError, DependencyError."""
        document = self._flags.get(version)
        if document is None:
            document = load_flag_document(self.blobs, version)
            self._flags.put(version, document)
        return document

    def _assemble(self, model_id: str, delta_id: str) -> Catalogue:
        with ThreadPoolExecutor(1, thread_name_prefix="load-delta") as aside:
            delta = aside.submit(self._delta, delta_id)
            artefact = self.artefact(model_id)
            return assemble_catalogue(artefact, delta.result())

    def _delta(self, delta_id: str) -> DeltaSnapshot:
        delta = self._deltas.get(delta_id)
        if delta is None:
            delta = load_delta(self.blobs, delta_id)
            self._deltas.put(delta_id, delta)
        return delta


def load_artefact(
    blobs: BlobStore, model_id: str, *, place_matrix: PlaceArray = read_npy
) -> ModelArtefact:
    """Read and verify one artefact; its files are fetched side by side.

    Raises: ArtefactError in one line when a file is missing, changed or of another model.
    """
    names = ("manifest.json", *(f"{name}.npy" for name in ARRAY_NAMES))
    keys = [artefact_key(model_id, name) for name in names]
    with ThreadPoolExecutor(len(names), thread_name_prefix="load-artefact") as threads:
        bodies = threads.map(lambda key: _get(blobs, key), keys)
        files = dict(zip(names, bodies, strict=True))
    artefact = unpack_artefact(files, place_matrix=place_matrix)
    if artefact.model_id != model_id:
        raise ArtefactError(f"folder of {model_id} holds the artefact {artefact.model_id}")
    return artefact


def load_delta(blobs: BlobStore, delta_id: str) -> DeltaSnapshot:
    """Read and verify one snapshot. Raises: ArtefactError."""
    return unpack_delta(delta_id, _get(blobs, delta_key(delta_id)))


def load_static_list(blobs: BlobStore, delta_id: str) -> StaticList:
    """Read a snapshot's stored list. Raises: ArtefactError, DependencyError."""
    return parse_static_list(_get(blobs, static_list_key(delta_id)), delta_id=delta_id)


def load_flag_document(blobs: BlobStore, version: str) -> FlagDocument:
    """Read a deployed flag document. Raises: FlagError when it is missing or another one."""
    key = flag_document_key(version)
    try:
        document = parse_flag_document(blobs.get(key).decode())
    except (NotFound, UnicodeDecodeError) as error:
        raise FlagError(f"{key} cannot be read: {error}") from error
    if document.version != version:
        raise FlagError(f"{key} holds the document {document.version}")
    return document


def read_delta_pointer(blobs: BlobStore) -> DeltaPointer:
    """Read which snapshot is served now.

    Raises: ArtefactError when none was published or the pointer is garbled.
    """
    return parse_delta_pointer(_get(blobs, POINTER_KEY))


def parse_delta_pointer(body: bytes) -> DeltaPointer:
    """Read the pointer object. Raises: ArtefactError when it is garbled."""
    try:
        row = json.loads(body)
        return DeltaPointer(
            delta_id=str(row["delta_id"]),
            as_of=datetime.fromisoformat(row["as_of"]),
            model_id=str(row["model_id"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{POINTER_KEY} is no delta pointer ({error!r})") from error


def dump_delta_pointer(pointer: DeltaPointer) -> bytes:
    """Return the pointer object's bytes."""
    row = {
        "delta_id": pointer.delta_id,
        "as_of": pointer.as_of.isoformat(),
        "model_id": pointer.model_id,
    }
    return json.dumps(row, sort_keys=True).encode()


def _get(blobs: BlobStore, key: str) -> bytes:
    try:
        return blobs.get(key)
    except NotFound as error:
        raise ArtefactError(f"{key} is missing") from error


class _Recent(Generic[ValueT]):
    """A bounded mapping that forgets what was not used for longest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._values: OrderedDict[Hashable, ValueT] = OrderedDict()

    def get(self, key: Hashable) -> ValueT | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: ValueT) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)
