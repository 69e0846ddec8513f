"""Athena as the query engine: start, wait, fetch every page, type the values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from recsysops.adapters.athena_values import read_value
from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep
from recsysops.errors import DependencyError

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


class AthenaQueries:
    """QueryEngine on one workgroup and Glue database."""

    def __init__(
        self,
        client: AwsClient,
        *,
        workgroup: str,
        database: str,
        limit_seconds: float = 300.0,
        sleep: Sleep = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._workgroup = workgroup
        self._database = database
        self._limit_seconds = limit_seconds
        self._sleep = sleep
        self._monotonic = monotonic

    def run(self, sql: str) -> list[dict[str, object]]:
        """Return the rows of a SELECT with typed values.

        Raises: DependencyError with Athena's message when it fails or takes too long.
        """
        with translate_errors("start an Athena query"):
            started = self._client.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self._database},
                WorkGroup=self._workgroup,
            )
        query_execution_id = str(started["QueryExecutionId"])
        self._wait(query_execution_id)
        return self.results(query_execution_id)

    def results(self, query_execution_id: str) -> list[dict[str, object]]:
        """Return the rows of a query that has succeeded, e.g. one Step Functions waited for.

        Raises: DependencyError.
        """
        rows: list[dict[str, object]] = []
        for number, page in enumerate(self._pages(query_execution_id)):
            result = page["ResultSet"]
            columns = [
                (str(column["Name"]), str(column["Type"]))
                for column in result["ResultSetMetadata"]["ColumnInfo"]
            ]
            # the first row of the first page repeats the column names
            texts = result["Rows"][1:] if number == 0 else result["Rows"]
            rows.extend(_read_row(row["Data"], columns) for row in texts)
        return rows

    def _wait(self, query_execution_id: str) -> None:
        deadline = self._monotonic() + self._limit_seconds
        wait_seconds = FIRST_WAIT_SECONDS
        while not self._is_over(query_execution_id):
            if self._monotonic() >= deadline:
                self._stop(query_execution_id)
                raise DependencyError(
                    f"Athena query {query_execution_id} took longer than "
                    f"{self._limit_seconds:.0f} s and was stopped"
                )
            self._sleep(wait_seconds)
            wait_seconds = min(LONGEST_WAIT_SECONDS, wait_seconds * 1.5)

    def _is_over(self, query_execution_id: str) -> bool:
        with translate_errors(f"ask for Athena query {query_execution_id}"):
            answer = self._client.get_query_execution(QueryExecutionId=query_execution_id)
        status = answer["QueryExecution"]["Status"]
        if status["State"] in ("FAILED", "CANCELLED"):
            reason = status.get("StateChangeReason", "no reason given")
            raise DependencyError(
                f"Athena query {query_execution_id} {status['State'].lower()}: {reason}"
            )
        return bool(status["State"] == "SUCCEEDED")

    def _stop(self, query_execution_id: str) -> None:
        with translate_errors(f"stop Athena query {query_execution_id}"):
            self._client.stop_query_execution(QueryExecutionId=query_execution_id)

    def _pages(self, query_execution_id: str) -> Iterator[Mapping[str, Any]]:
        token: str | None = None
        while True:
            page = self._page(query_execution_id, token)
            yield page
            token = page.get("NextToken")
            if token is None:
                return

    def _page(self, query_execution_id: str, token: str | None) -> Mapping[str, Any]:
        place = {"NextToken": token} if token else {}
        with translate_errors(f"read results of Athena query {query_execution_id}"):
            page: Mapping[str, Any] = self._client.get_query_results(
                QueryExecutionId=query_execution_id, **place
            )
        return page


def _read_row(
    cells: Sequence[Mapping[str, str]], columns: Sequence[tuple[str, str]]
) -> dict[str, object]:
    return {
        name: read_value(cell.get("VarCharValue"), kind)
        for cell, (name, kind) in zip(cells, columns, strict=True)
    }
