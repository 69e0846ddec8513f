"""Audits that cannot see: each says that it could not judge and why, and silences no other.

Every case goes through a whole run over an in-process lake, beside an audit that works.
"""

from dataclasses import replace

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import find_audit
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.vocabulary import Incident, ModelEntry
from recsysops.workflows.run_audit import AuditPorts, AuditReport, run_audit

from tests.fakes.audited_lake import (
    MODEL,
    NOW,
    REFERENCE,
    WINDOW,
    Day,
    make_catalogue,
    write_day,
)

GOOD = find_audit("served_model")
SHARES = find_audit("fallback_share")


def cells(columns: str, *, where: str = "{in_periods}") -> str:
    template = (
        "cells AS (SELECT {period} AS period, 'all' AS slice, COLUMNS FROM slim_requests"
        " WHERE ROWS)"
    )
    return template.replace("COLUMNS", columns).replace("ROWS", where)


def ask(**columns: str) -> str:
    parts = {"label": "'fallback=none'", "grp": "member_group", "weight": "1e0", "x": "0e0"}
    return ", ".join(f"{text} AS {name}" for name, text in {**parts, **columns}.items())


CASES: dict[str, tuple[str, str]] = {
    "broken SQL": ("cells AS (SELECT FROM WHERE", "query failed"),
    "an unknown column": (cells(ask(weight="no_such_column")), "no_such_column"),
    "a missing table": (cells(ask()).replace("slim_requests", "no_such_table"), "no_such_table"),
    "an empty window": (
        cells(ask(), where="{in_periods} AND event_time < {window_start}"),
        "the window has no requests",
    ),
    "nothing at all": (cells(ask(), where="{in_periods} AND 1 = 0"), "has no requests"),
    "all-null values": (cells(ask(x="CAST(NULL AS double)")), "not of the expected shape"),
    "all-null weights": (cells(ask(weight="CAST(NULL AS double)")), "not of the expected shape"),
    "one row": (
        cells(ask(), where="{in_periods} AND request_id LIKE '%-7'"),
        "is worth 1 rows; 30 are needed",
    ),
    "infinite values": (cells(ask(x="infinity()")), "infinite or missing"),
    "infinite weights": (cells(ask(weight="infinity()")), "infinite or missing"),
    "zero weights": (cells(ask(weight="0e0")), "is worth 0 rows"),
    "a group that does not exist": (cells(ask(grp="99")), "not of the expected shape"),
    "another shape": (cells("1 AS one"), "query failed"),
}


@pytest.fixture(scope="module")
def lake():
    rng = np.random.default_rng(3)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(200, rng)
        for window in (REFERENCE, WINDOW):
            write_day(lake, Day(window, requests=400, model_id="m-bad"), items, rng)
        yield lake


def run(audit: Audit, lake: DuckDbLake) -> tuple[AuditReport, list[Incident]]:
    book = MemoryIncidents()
    registry = MemoryRegistry([ModelEntry(MODEL, "production", NOW)])
    ports = AuditPorts(lake, registry, book, MemoryNotifier())
    report = run_audit(WINDOW, reference=REFERENCE, ports=ports, now=NOW, audits=(audit, GOOD))
    return report, book.list_incidents()


@pytest.mark.parametrize("case", CASES)
def test_what_an_audit_cannot_judge_is_said_with_the_reason(case: str, lake: DuckDbLake) -> None:
    tables, reason = CASES[case]
    report, incidents = run(replace(SHARES, tables=tables), lake)
    assert set(report.unjudged) == {SHARES.name}
    assert reason in report.unjudged[SHARES.name]
    found = {(one.component, one.subject): one for one in incidents}
    assert ("model", "m-bad") in found, "the other audit still alarms"
    blind = found["serving", SHARES.name]
    assert blind.severity == "low"
    assert blind.findings[0].metric in ("could_not_judge", "audit_failed")


def test_a_judge_that_breaks_is_a_failed_audit_and_no_crash(lake: DuckDbLake) -> None:
    def broken(*_: object) -> list[object]:
        raise ZeroDivisionError("float division by zero")

    report, incidents = run(replace(SHARES, judge=broken), lake)
    assert report.unjudged == {
        SHARES.name: "its judge broke on these rows: ZeroDivisionError: float division by zero"
    }
    assert len(incidents) == 2


def test_checks_that_are_all_not_a_number_are_no_pass(lake: DuckDbLake) -> None:
    def undefined(found: object, context: AuditContext) -> list[Check]:
        del found, context
        return [Check("share", "x", {}, 0.0, 0.0, float("nan"), 0.1, 1.0)]

    report, _ = run(replace(SHARES, judge=undefined), lake)
    assert "no check gives a finite number" in report.unjudged[SHARES.name]


def test_a_quiet_audit_with_rows_enough_is_a_pass(lake: DuckDbLake) -> None:
    report, incidents = run(SHARES, lake)
    assert report.unjudged == {}
    assert [one.subject for one in incidents] == ["m-bad"]
