"""The members table: one row per member with packed vectors, seen items and a salt.

Seen items are one text, ids divided by spaces: a list attribute of 1,000 ids costs boto3
milliseconds to parse on every request. Growing it is read, append, write on condition that
nobody else wrote in between (attribute `revision`).

A row that only feedback made (an anonymous session, or a member nobody trained on yet) expires
SESSION_SECONDS after its last event; whatever else writes it makes it stay.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep, wait_between
from recsysops.adapters.dynamodb_batches import Attributes, read_rows, scan_rows, write_rows
from recsysops.adapters.seen_items import append_seen
from recsysops.errors import BadData, ConflictError, RecSysOpsError
from recsysops.ports import AddedSeen
from recsysops.vocabulary import Member

_ATTEMPTS = 6
SESSION_SECONDS = 90 * 86_400
"""As long as full records live: until then a log line can be traced to its row."""
_SEEN_COLUMNS = ("member_id", "seen", "salt", "revision", "expires_at")
_WRITERS = 8
"""Conditional writes side by side; botocore keeps ten connections."""


class DynamoMembers:
    """MemberStore on a DynamoDB table."""

    def __init__(
        self,
        client: AwsClient,
        table: str,
        *,
        make_salt: Callable[[], str] = lambda: secrets.token_hex(16),
        seconds: Callable[[], float] = time.time,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._make_salt = make_salt
        self._seconds = seconds
        self._sleep = sleep

    def get(self, member_id: str) -> Member | None:
        """Return the member, or None when unknown. Raises: DependencyError, BadData."""
        row = self._read(member_id, consistent=False)
        return None if row is None else _from_row(row)

    def put_many(self, members: Iterable[Member]) -> None:
        """Write or replace members. Raises: DependencyError."""
        rows = (_to_row(member) for member in members)
        write_rows(self._client, self._table, rows, key="member_id", sleep=self._sleep)

    def add_seen(self, member_id: str, item_ids: Sequence[str]) -> str:
        """Append to a member's seen items, keeping the newest; creates the member.

        Returns the salt, as a row just written need not be readable yet. A row without a salt
        gets one.

        Raises: ConflictError when others kept writing in between, DependencyError, BadData.
        """
        return self._append(member_id, item_ids, self._read(member_id, consistent=True) or {})

    def add_seen_many(self, seen: Mapping[str, Sequence[str]]) -> AddedSeen:
        """Append to the seen items of many members: one read of all, then writes side by side.

        A conditional write takes one row (a transaction would cost twice, and one lost race would
        undo the others); nothing is written where nothing changes. Rows may be read a moment
        late: who lost that race is read again.

        Raises: DependencyError when the rows cannot be read.
        """
        rows = read_rows(
            self._client,
            self._table,
            seen,
            key="member_id",
            columns=_SEEN_COLUMNS,
            sleep=self._sleep,
        )
        salts: dict[str, str] = {}
        failed: dict[str, RecSysOpsError] = {}
        with ThreadPoolExecutor(_WRITERS) as pool:  # its threads start with the first write
            waiting = {
                member_id: pool.submit(self._append, member_id, item_ids, rows.get(member_id, {}))
                for member_id, item_ids in seen.items()
            }
            for member_id, one in waiting.items():
                try:
                    salts[member_id] = one.result()
                except RecSysOpsError as error:
                    failed[member_id] = error
        return AddedSeen(salts, failed)

    def put_newer(
        self,
        member_id: str,
        *,
        version: int,
        vectors: Mapping[str, bytes] | None,
        seen: Sequence[str] | None,
    ) -> None:
        """Replace packed vectors or seen items (None keeps them); creates the member.

        The salt is kept; `revision` counts on, so that seen items being added notice it.

        Raises: ConflictError when this version or a newer one is stored; DependencyError.
        """
        assignments = {
            "version": {"N": str(version)},
            **({} if vectors is None else {"vectors": _packed(vectors)}),
            **({} if seen is None else {"seen": {"S": " ".join(append_seen(seen, ()))}}),
        }
        named = [f"#{name} = :{name}" for name in assignments]
        made = [
            "salt = if_not_exists(salt, :salt)",
            "revision = if_not_exists(revision, :none) + :one",
        ]
        try:
            with translate_errors(f"update in table {self._table}"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"member_id": {"S": member_id}},
                    UpdateExpression=f"SET {', '.join([*named, *made])} REMOVE expires_at",
                    ConditionExpression="attribute_not_exists(#version) OR #version < :version",
                    ExpressionAttributeNames={f"#{name}": name for name in assignments},
                    ExpressionAttributeValues={
                        **{f":{name}": value for name, value in assignments.items()},
                        ":salt": {"S": self._make_salt()},
                        ":none": {"N": "0"},
                        ":one": {"N": "1"},
                    },
                )
        except ConflictError:
            raise ConflictError(
                f"version {version} or a newer one is stored already; write a higher one"
            ) from None

    def update_many(
        self, member_ids: Iterable[str], change: Callable[[str, Member | None], Member]
    ) -> None:
        """Replace members by what `change` makes of them (None: unknown); nobody's write is lost.

        One scan reads them all, then each is written on condition that nobody wrote it since;
        who lost that race is read again. A conditional write takes one row, so some go side by
        side. `change` is called from these threads.

        Raises: ConflictError when others kept writing in between, DependencyError, BadData.
        """
        rows = {row["member_id"]["S"]: row for row in scan_rows(self._client, self._table)}
        with ThreadPoolExecutor(_WRITERS) as pool:
            for one in [
                pool.submit(self._update, member_id, change, rows.get(member_id))
                for member_id in member_ids
            ]:
                one.result()

    def delete(self, member_id: str) -> bool:
        """Delete a member's row, its salt with it; False when there was none.

        Raises: DependencyError.
        """
        with translate_errors(f"remove from table {self._table}"):
            answer = self._client.delete_item(
                TableName=self._table,
                Key={"member_id": {"S": member_id}},
                ReturnValues="ALL_OLD",
            )
        return "Attributes" in answer

    def scan(self) -> Iterator[Member]:
        """Yield every member. Raises: DependencyError, BadData."""
        return map(_from_row, scan_rows(self._client, self._table))

    def _append(self, member_id: str, item_ids: Sequence[str], row: Attributes) -> str:
        for attempt in self._attempts():
            if attempt:
                row = self._read(member_id, consistent=True) or {}
            with _bad_rows_told():
                before = _seen_of(row)
                seen = append_seen(before, item_ids)
                salt: str = row["salt"]["S"] if "salt" in row else self._make_salt()
            if "salt" in row and seen == before:
                return salt
            try:
                parts = {"seen": {"S": " ".join(seen)}, "salt": {"S": salt}}
                self._set({**parts, **self._expiry(row)}, member_id, since=row)
            except ConflictError:
                continue
            return salt
        raise ConflictError(f"a member's seen items changed during each of {_ATTEMPTS} tries")

    def _expiry(self, row: Attributes) -> Attributes:
        """Return when a row that only feedback writes is to be forgotten; {} for others."""
        if row and "expires_at" not in row:
            return {}
        return {"expires_at": {"N": str(int(self._seconds()) + SESSION_SECONDS)}}

    def _update(
        self,
        member_id: str,
        change: Callable[[str, Member | None], Member],
        row: Attributes | None,
    ) -> None:
        for attempt in self._attempts():
            if attempt:
                row = self._read(member_id, consistent=True)
            new = _to_row(change(member_id, None if row is None else _from_row(row)))
            try:
                parts = {name: new[name] for name in ("vectors", "seen", "salt")}
                return self._set(parts, member_id, since=row or {})
            except ConflictError:
                continue
        raise ConflictError(f"a member changed during each of {_ATTEMPTS} tries")

    def _set(self, parts: Attributes, member_id: str, *, since: Attributes) -> None:
        """Write some attributes unless the row changed since it was read.

        Raises: ConflictError when it did, DependencyError, BadData.
        """
        revision = since.get("revision")
        with _bad_rows_told():
            following = int(revision["N"]) + 1 if revision else 1
        values = {f":{name}": value for name, value in parts.items()}
        known = {":known": revision} if revision else {}
        with translate_errors(f"update in table {self._table}"):
            self._client.update_item(
                TableName=self._table,
                Key={"member_id": {"S": member_id}},
                UpdateExpression="SET "
                + ", ".join([*(f"{name} = :{name}" for name in parts), "revision = :next"])
                + ("" if "expires_at" in parts else " REMOVE expires_at"),
                ConditionExpression="revision = :known"
                if revision
                else "attribute_not_exists(revision)",
                ExpressionAttributeValues={**values, ":next": {"N": str(following)}, **known},
            )

    def _attempts(self) -> Iterator[int]:
        return wait_between(_ATTEMPTS, first_seconds=0.02, longest_seconds=0.3, sleep=self._sleep)

    def _read(self, member_id: str, *, consistent: bool) -> Attributes | None:
        with translate_errors(f"read from table {self._table}"):
            answer = self._client.get_item(
                TableName=self._table,
                Key={"member_id": {"S": member_id}},
                ConsistentRead=consistent,
            )
        row: Attributes | None = answer.get("Item")
        return row


def _to_row(member: Member) -> Attributes:
    return {
        "member_id": {"S": member.member_id},
        "vectors": _packed(member.vectors),
        "seen": {"S": " ".join(append_seen(member.seen, ()))},
        "salt": {"S": member.salt},
        "revision": {"N": "1"},
    }


def _packed(vectors: Mapping[str, bytes]) -> Attributes:
    return {"M": {model_id: {"B": packed} for model_id, packed in vectors.items()}}


def _from_row(row: Attributes) -> Member:
    with _bad_rows_told():
        packed: dict[str, Any] = row.get("vectors", {"M": {}})["M"]
        return Member(
            member_id=row["member_id"]["S"],
            vectors={model_id: bytes(value["B"]) for model_id, value in packed.items()},
            seen=_seen_of(row),
            salt=row["salt"]["S"],
        )


@contextmanager
def _bad_rows_told() -> Iterator[None]:
    """Name the attribute that is missing or of another type, never the member."""
    try:
        yield
    except (KeyError, TypeError) as error:
        raise BadData(f"a row of the members table lacks or mistypes {error}") from error


def _seen_of(row: Attributes) -> tuple[str, ...]:
    return tuple(row["seen"]["S"].split()) if "seen" in row else ()
