"""`columns` documents the lake from the declarations that make it."""

from __future__ import annotations

import json

from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES

from tests.unit.cli.conftest import RunCli


def test_every_table_and_column_is_described(run_cli: RunCli) -> None:
    found = json.loads(run_cli("columns", "--json").out)
    assert list(found) == list(TABLES)
    for name, record in TABLES.items():
        assert [(c["column"], c["type"]) for c in found[name]] == glue_columns(record)
        assert all(column["meaning"] for column in found[name])


def test_one_table_is_printed_as_markdown(run_cli: RunCli) -> None:
    said = run_cli("columns", "feedback")
    assert said.out.startswith("## feedback\n\n| column | type | meaning |")
    assert "slim_requests" not in said.out


def test_a_table_that_the_lake_lacks_is_refused(run_cli: RunCli) -> None:
    said = run_cli("columns", "nothing")
    assert (said.status, said.out) == (2, "")
    assert "slim_requests" in said.err
