"""Vectors as one binary attribute with a header that says which model they belong to."""

from __future__ import annotations

import hashlib
import struct

import numpy as np

from recsysops.errors import ArtefactError
from recsysops.model.kernel import Float32Array

_HEADER = struct.Struct("<2sBBH8s")  # magic, version, dtype code, dimension, owner digest
_MAGIC = b"RV"
_VERSION = 1
_FLOAT32 = 1


def owner_digest(model_id: str, schema_hash: str) -> bytes:
    """Return 8 bytes naming the model and feature schema a vector was made for."""
    return hashlib.sha256(f"{model_id}\x1f{schema_hash}".encode()).digest()[:8]


def pack_vector(vector: Float32Array, *, owner: bytes) -> bytes:
    """Pack a (d,) float32 vector, little endian, behind its header.

    Raises: ArtefactError when it is not a finite float32 vector.
    """
    if vector.dtype != np.float32 or vector.ndim != 1 or not np.isfinite(vector).all():
        raise ArtefactError(f"cannot pack {vector.dtype} array of shape {vector.shape}")
    header = _HEADER.pack(_MAGIC, _VERSION, _FLOAT32, len(vector), owner)
    return header + vector.astype("<f4").tobytes()


def unpack_vector(packed: bytes, *, owner: bytes) -> Float32Array:
    """Unpack a vector made for `owner`.

    Raises: ArtefactError saying which part of the header does not match; callers fall back.
    """
    if len(packed) < _HEADER.size:
        raise ArtefactError(f"packed vector has {len(packed)} bytes, its header needs 14")
    magic, version, dtype, dimension, made_for = _HEADER.unpack_from(packed)
    if (magic, version, dtype) != (_MAGIC, _VERSION, _FLOAT32):
        raise ArtefactError(f"packed vector has header {packed[:4]!r}, this code reads version 1")
    if made_for != owner:
        raise ArtefactError("packed vector belongs to another model or feature schema")
    if len(packed) != _HEADER.size + 4 * dimension:
        raise ArtefactError(f"packed vector says {dimension} numbers, has {len(packed)} bytes")
    return np.frombuffer(packed, dtype="<f4", offset=_HEADER.size).astype(np.float32)
