"""Writes one item or one member, unless something as new is stored already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recsysops.errors import ArtefactError, BadBody, NotFound
from recsysops.model.artefact import artefact_key, encoder_of, read_manifest
from recsysops.model.packing import owner_digest, pack_vector
from recsysops.ports import BlobStore, ItemStore, MemberStore
from recsysops.serving.features_api import ItemBody, ItemWritten, MemberBody, MemberWritten


def put_item(item_id: str, body: ItemBody, *, items: ItemStore) -> ItemWritten:
    """Store an item; the stream of the table publishes it to the scorers.

    Repeating a write changes nothing and succeeds.

    Raises: ConflictError when another content of this version, or a newer one, is stored;
        DependencyError.
    """
    items.put_newer(body.to_item(item_id))
    return ItemWritten(item_id=item_id, version=body.version)


def put_member(
    member_id: str, body: MemberBody, *, members: MemberStore, blobs: BlobStore
) -> MemberWritten:
    """Store a member's vectors or seen items; the pseudonym's salt is kept, or made.

    Raises: BadBody when a model is unknown or its vectors are of another width; ConflictError
        when this version or a newer one is stored; DependencyError.
    """
    vectors = None if body.vectors is None else _pack(body.vectors, blobs)
    members.put_newer(member_id, version=body.version, vectors=vectors, seen=body.seen)
    return MemberWritten(member_id=member_id, version=body.version)


def _pack(vectors: Mapping[str, Sequence[float]], blobs: BlobStore) -> dict[str, bytes]:
    return {model_id: _pack_one(model_id, vector, blobs) for model_id, vector in vectors.items()}


def _pack_one(model_id: str, vector: Sequence[float], blobs: BlobStore) -> bytes:
    path = f"vectors.{model_id}"
    try:
        manifest = read_manifest(blobs.get(artefact_key(model_id, "manifest.json")))
    except (NotFound, ArtefactError) as error:
        raise BadBody([(path, "no such model")]) from error
    width = encoder_of(manifest).width
    if len(vector) != width:
        raise BadBody([(path, f"{len(vector)} numbers; vectors of this model have {width}")])
    owner = owner_digest(manifest.model_id, manifest.schema_hash)
    return pack_vector(np.array(vector, dtype=np.float32), owner=owner)
