"""The model artefact: an immutable folder of arrays under a manifest that hashes every one."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from recsysops.errors import ArtefactError
from recsysops.model.encoder import FeatureEncoder
from recsysops.model.fold_in import FoldInPrior
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.model.packing import owner_digest

ARTEFACT_PREFIX = "artefacts"
PlaceArray = Callable[[bytes], NDArray[Any]]
"""Takes the verified bytes of an .npy file and returns the array, wherever it keeps it.

Raises: ValueError when they are no array."""

ARRAY_NAMES = ("item_ids", "item_matrix", "play_counts")


class PopularityTerm(BaseModel):
    """One summand of the bias: weight · log(decayed plays + smoothing)."""

    model_config = ConfigDict(frozen=True)
    half_life_days: float
    weight: float


class Manifest(BaseModel):
    """What is inside an artefact, where it came from, and the sha256 of every file.

    first_weeks: plays on days 1 to 7 of each recent launch, from the training rows: the lake does
    not hold what came before it was opened.
    """

    model_config = ConfigDict(frozen=True)
    model_id: str
    trained_at: str
    trained_by: str
    data_hash: str
    schema_hash: str
    genres: tuple[str, ...]
    year_knots: tuple[float, ...]
    languages: tuple[str, ...]
    collaborative_width: int
    popularity: tuple[PopularityTerm, ...]
    popularity_smoothing: float
    metrics: dict[str, float] = {}
    notes: dict[str, str] = {}
    fold_in: FoldInPrior | None = None
    first_weeks: dict[str, tuple[float, ...]] = {}
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class ModelArtefact:
    """A trained model in memory.

    item_ids: ascending (as numpy sorts text), (n,). item_matrix: (n, d) float32, columns as
    `encoder.blocks`. play_counts: decayed plays at `manifest.trained_at`, (n, terms) float64.
    """

    manifest: Manifest
    encoder: FeatureEncoder
    item_ids: NDArray[np.str_]
    item_matrix: Float32Array
    play_counts: Float64Array
    owner: bytes = field(repr=False, default=b"")

    @property
    def model_id(self) -> str:
        """Id of the model, also the name of its folder."""
        return self.manifest.model_id


def pack_artefact(
    *,
    manifest: Mapping[str, object],
    item_ids: NDArray[np.str_],
    item_matrix: Float32Array,
    play_counts: Float64Array,
) -> dict[str, bytes]:
    """Return the artefact's files by name; `manifest` lacks model_id, schema_hash and files.

    The model id is m- plus 12 hex digits of the hash over the arrays' hashes and the manifest,
    so the same data, seed and code give the same id.
    """
    arrays = {"item_ids": item_ids, "item_matrix": item_matrix, "play_counts": play_counts}
    files = {f"{name}.npy": _npy_bytes(array) for name, array in arrays.items()}
    hashes = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    core = {**manifest, "files": hashes, "model_id": "", "schema_hash": ""}
    draft = Manifest.model_validate(core)
    schema_hash = encoder_of(draft).schema_hash
    named = {"model_id": _identity_of(draft.model_dump(mode="json")), "schema_hash": schema_hash}
    final = draft.model_copy(update=named)
    return {**files, "manifest.json": final.model_dump_json(indent=1).encode()}


def read_npy(body: bytes) -> NDArray[Any]:
    """Read an .npy file into memory. Raises: ValueError when it is none."""
    array: NDArray[Any] = np.load(io.BytesIO(body), allow_pickle=False)
    return array


def unpack_artefact(
    files: Mapping[str, bytes], *, place_matrix: PlaceArray = read_npy
) -> ModelArtefact:
    """Read an artefact back, checking every hash and shape.

    `place_matrix` is given the item matrix after its hash was checked.

    Raises: ArtefactError in one line: what is missing, changed or does not fit.
    """
    if "manifest.json" not in files:
        raise ArtefactError("artefact has no manifest.json")
    manifest = read_manifest(files["manifest.json"])
    place = {"item_matrix": place_matrix}
    arrays = {
        name: _read_array(name, files, manifest, place=place.get(name, read_npy))
        for name in ARRAY_NAMES
    }
    encoder = encoder_of(manifest)
    count = len(arrays["item_ids"])
    expected = {
        "item_matrix": (count, encoder.width),
        "play_counts": (count, len(manifest.popularity)),
    }
    _refuse_misfit_prior(manifest, encoder)
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ArtefactError(f"{manifest.model_id}: {name} is {arrays[name].shape}, not {shape}")
        if not np.isfinite(arrays[name]).all():
            raise ArtefactError(f"{manifest.model_id}: {name} holds NaN or infinite numbers")
    return ModelArtefact(
        manifest=manifest,
        encoder=encoder,
        item_ids=arrays["item_ids"],
        item_matrix=arrays["item_matrix"],
        play_counts=arrays["play_counts"],
        owner=owner_digest(manifest.model_id, manifest.schema_hash),
    )


def _refuse_misfit_prior(manifest: Manifest, encoder: FeatureEncoder) -> None:
    prior = manifest.fold_in
    if prior is not None and len(prior.background) != encoder.content_width:
        raise ArtefactError(
            f"{manifest.model_id}: fold_in has {len(prior.background)} background shares for "
            f"{encoder.content_width} content columns"
        )


def artefact_key(model_id: str, name: str) -> str:
    """Return the key of one file of an artefact in the artefact bucket."""
    return f"{ARTEFACT_PREFIX}/{model_id}/{name}"


def encoder_of(manifest: Manifest) -> FeatureEncoder:
    """Return the encoder whose vocabularies the manifest fixes."""
    return FeatureEncoder(
        genres=manifest.genres,
        year_knots=manifest.year_knots,
        languages=manifest.languages,
        collaborative_width=manifest.collaborative_width,
    )


def read_manifest(body: bytes) -> Manifest:
    """Read manifest.json. Raises: ArtefactError when garbled or not hashing to its model id."""
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "text"
        raise ArtefactError(f"manifest.json: {place}: {first['msg']}") from error
    if _identity_of(json.loads(body)) != manifest.model_id:
        raise ArtefactError(f"manifest.json does not hash to its model id {manifest.model_id}")
    return manifest


def _identity_of(manifest: Mapping[str, object]) -> str:
    # over the fields as written, so that fields added later leave old artefacts their names
    unnamed = {**manifest, "model_id": "", "schema_hash": ""}
    text = json.dumps(unnamed, sort_keys=True, separators=(",", ":"))
    return f"m-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _read_array(
    name: str, files: Mapping[str, bytes], manifest: Manifest, *, place: PlaceArray
) -> NDArray[Any]:
    file_name = f"{name}.npy"
    body = files.get(file_name)
    if body is None:
        raise ArtefactError(f"{manifest.model_id}: {file_name} is missing")
    if hashlib.sha256(body).hexdigest() != manifest.files.get(file_name):
        raise ArtefactError(f"{manifest.model_id}: {file_name} does not match its hash")
    try:
        return place(body)
    except ValueError as error:
        raise ArtefactError(f"{manifest.model_id}: {file_name} is no array ({error})") from error


def _npy_bytes(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
