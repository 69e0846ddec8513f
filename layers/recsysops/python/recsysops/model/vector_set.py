"""Vectors by id, as they come from any model whose score is a dot product."""

from __future__ import annotations

from dataclasses import dataclass

from recsysops.model.kernel import Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class VectorSet:
    """Vectors by id: ids (n), vectors (n, d) float32, bias (n,) float32 or None."""

    ids: tuple[str, ...]
    vectors: Float32Array
    bias: Float32Array | None = None
