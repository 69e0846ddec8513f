"""The items table: raw features as plain attributes, so that any upstream job can write them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from math import isfinite
from typing import Any, TypeVar

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep
from recsysops.adapters.dynamodb_batches import Attributes, scan_rows, write_rows
from recsysops.errors import BadData, ConflictError
from recsysops.ports import RejectRow
from recsysops.vocabulary import ItemFeatures

ValueT = TypeVar("ValueT")


class DynamoItems:
    """ItemStore on a DynamoDB table."""

    def __init__(self, client: AwsClient, table: str, *, sleep: Sleep = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def put_many(self, items: Iterable[ItemFeatures]) -> None:
        """Write or replace items. Raises: DependencyError, BadData for NaN or infinite numbers."""
        rows = (item_to_row(item) for item in items)
        write_rows(self._client, self._table, rows, key="item_id", sleep=self._sleep)

    def put_newer(self, item: ItemFeatures) -> None:
        """Write an item whose version is higher than what is stored; the same again is no harm.

        Raises: ConflictError when another content of this version, or a newer one, is stored;
            DependencyError, BadData for NaN or infinite numbers.
        """
        try:
            with translate_errors(f"write to table {self._table}"):
                self._client.put_item(
                    TableName=self._table,
                    Item=item_to_row(item),
                    ConditionExpression="attribute_not_exists(item_id) OR version < :version",
                    ExpressionAttributeValues={":version": {"N": str(item.version)}},
                )
        except ConflictError:
            if self._read(item.item_id) != item:
                raise ConflictError(
                    f"version {item.version} or a newer one is stored already; write a higher one"
                ) from None

    def _read(self, item_id: str) -> ItemFeatures | None:
        with translate_errors(f"read from table {self._table}"):
            answer = self._client.get_item(
                TableName=self._table, Key={"item_id": {"S": item_id}}, ConsistentRead=True
            )
        return item_from_row(answer["Item"]) if "Item" in answer else None

    def scan(self, *, reject: RejectRow | None = None) -> Iterator[ItemFeatures]:
        """Yield every item, in no order; what cannot be read goes to `reject`.

        Raises: DependencyError; without `reject` BadData naming the item.
        """
        for row in scan_rows(self._client, self._table):
            try:
                item = item_from_row(row)
            except BadData as error:
                if reject is None:
                    raise
                reject(str(row.get("item_id", {}).get("S", "")), str(error))
            else:
                yield item


def item_to_row(item: ItemFeatures) -> Attributes:
    """Return an item's attributes; what is None is left out."""
    row: Attributes = {
        "item_id": {"S": item.item_id},
        "title": {"S": item.title},
        "genres": _texts(item.genres),
        "source": {"S": item.source},
        "batch": {"S": item.batch},
        "version": {"N": str(item.version)},
        "simulated": _texts(item.simulated),
    }
    optional: dict[str, dict[str, object] | None] = {
        "year": None if item.year is None else {"N": str(item.year)},
        "language": None if item.language is None else {"S": item.language},
        "price": _number(item, "price", item.price),
        "in_stock": None if item.in_stock is None else {"BOOL": item.in_stock},
        "launch_date": None if item.launch_date is None else {"S": item.launch_date.isoformat()},
        "anticipation": _number(item, "anticipation", item.anticipation),
    }
    return row | {name: value for name, value in optional.items() if value is not None}


def item_from_row(row: Attributes) -> ItemFeatures:
    """Read an item's attributes; absent and NULL are both None.

    Raises: BadData naming the item and the attribute: an upstream job wrote another type.
    """
    return ItemFeatures(
        item_id=_required(row, "item_id", _text),
        title=_required(row, "title", _text),
        genres=_required(row, "genres", _text_list),
        year=_optional(row, "year", lambda value: int(value["N"])),
        language=_optional(row, "language", _text),
        price=_optional(row, "price", lambda value: float(value["N"])),
        in_stock=_optional(row, "in_stock", lambda value: bool(value["BOOL"])),
        launch_date=_optional(row, "launch_date", lambda value: date.fromisoformat(value["S"])),
        source=_required(row, "source", _text),
        batch=_required(row, "batch", _text),
        version=_required(row, "version", lambda value: int(value["N"])),
        simulated=_optional(row, "simulated", _text_list) or (),
        anticipation=_optional(row, "anticipation", lambda value: float(value["N"])),
    )


def _optional(
    row: Attributes, name: str, read: Callable[[dict[str, Any]], ValueT]
) -> ValueT | None:
    value = row.get(name)
    if value is None or "NULL" in value:
        return None
    try:
        return read(value)
    except (KeyError, ValueError, TypeError) as error:
        item_id = row.get("item_id", {}).get("S", "without an id")
        raise BadData(f"item {item_id}: attribute {name} cannot be {value!r:.80}") from error


def _required(row: Attributes, name: str, read: Callable[[dict[str, Any]], ValueT]) -> ValueT:
    value = _optional(row, name, read)
    if value is None:
        item_id = row.get("item_id", {}).get("S", "without an id")
        raise BadData(f"item {item_id}: attribute {name} is missing")
    return value


def _text(value: dict[str, Any]) -> str:
    return str(value["S"])


def _text_list(value: dict[str, Any]) -> tuple[str, ...]:
    # a list keeps its order; a set (an upstream job may write one) has none, so it is sorted
    if "SS" in value:
        return tuple(sorted(value["SS"]))
    return tuple(str(part["S"]) for part in value["L"])


def _texts(values: tuple[str, ...]) -> dict[str, object]:
    return {"L": [{"S": value} for value in values]}


def _number(item: ItemFeatures, name: str, value: float | None) -> dict[str, object] | None:
    if value is None:
        return None
    if not isfinite(value):
        raise BadData(f"item {item.item_id}: {name} {value} is not a finite number")
    return {"N": repr(float(value))}
