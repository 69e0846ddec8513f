"""Writes a batch of items and members out of a file; a bad row does not stop its neighbours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recsysops.errors import BadBody, BadInput, ConflictError
from recsysops.ports import BlobStore, ItemStore, MemberStore
from recsysops.serving.api import parse_body, parse_parameters
from recsysops.serving.features_api import ItemBody, ItemParameters, MemberBody, MemberParameters
from recsysops.workflows.put_features import put_item, put_member

_SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a batch; problems: paths and messages of the first rows that were refused.

    superseded: rows whose version, or a newer one, was stored already.
    """

    written: int
    superseded: int
    refused: int
    problems: tuple[str, ...]


def read_batch(event: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the rows of a Distributed Map's batch, or the one row of an unbatched map.

    Raises: BadInput when `Items` is no list of objects.
    """
    rows = event.get("Items", [event])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise BadInput("Items must be a list of objects, one for each row")
    return rows


def import_features(
    rows: Sequence[Mapping[str, object]],
    *,
    items: ItemStore,
    members: MemberStore,
    blobs: BlobStore,
) -> Imported:
    """Write each row as PUT would: {"item_id": …} or {"member_id": …} with that route's body.

    Running an import again changes nothing.

    Raises: DependencyError when a service fails; the workflow then tries the batch again.
    """
    written, superseded, problems = 0, 0, list[str]()
    for row in rows:
        try:
            _put_row(row, items=items, members=members, blobs=blobs)
            written += 1
        except ConflictError:
            superseded += 1
        except BadInput as error:
            problems.append(str(error))
    return Imported(written, superseded, len(problems), tuple(problems[:_SHOWN_PROBLEMS]))


def _put_row(
    row: Mapping[str, object], *, items: ItemStore, members: MemberStore, blobs: BlobStore
) -> None:
    body = {name: value for name, value in row.items() if name not in ("item_id", "member_id")}
    text = json.dumps(body).encode()
    named = {name: str(row[name]) for name in ("item_id", "member_id") if name in row}
    match list(named):
        case ["item_id"]:
            item_id = parse_parameters(ItemParameters, named).item_id
            put_item(item_id, parse_body(ItemBody, text), items=items)
        case ["member_id"]:
            member_id = parse_parameters(MemberParameters, named).member_id
            put_member(member_id, parse_body(MemberBody, text), members=members, blobs=blobs)
        case _:
            raise BadBody([("row", "must name either an item_id or a member_id")])
