"""What goes wrong with a log on its way: written into an in-process lake beside a day's traffic."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.ports import Row
from recsysops.request_log.records import ConsumerLog, FeedbackEvent
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import Window

from tests.fakes.audited_lake import REFERENCE, WINDOW


def requests_of(lake: DuckDbLake, window: Window) -> list[Row]:
    """The window's slim lines, in order of time."""
    start, end = (
        f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'" for moment in (window.start, window.end)
    )
    return list(
        lake.run(
            "SELECT * FROM slim_requests "  # noqa: S608 - the test's own moments
            f"WHERE event_time >= {start} AND event_time < {end} ORDER BY event_time"
        )
    )


def write_feedback(
    lake: DuckDbLake,
    window: Window,
    *,
    share: float = 0.6,
    shown_share: float = 0.7,
    delay: timedelta = timedelta(seconds=40),
    until: datetime | None = None,
    rng: np.random.Generator,
) -> None:
    """Let members play something after some requests: an item of the slate, or another one."""
    asked = [row for row in requests_of(lake, window) if rng.random() < share]
    rows = [
        _play(row, shown=bool(rng.random() < shown_share), at=_moment(row) + delay) for row in asked
    ]
    last = f"{until or window.end:%Y-%m-%d %H:%M:%S}"
    kept = [row for row in rows if str(row["event_time"]) < last]
    lake.write_rows(
        "feedback", rows=kept, ingest_time=window.start, name=f"plays-{window.start:%Y%m%d}"
    )


def write_echo(
    lake: DuckDbLake,
    window: Window,
    *,
    share: float = 0.5,
    turned_round: float = 0.0,
    rng: np.random.Generator,
) -> None:
    """Let one consumer report what it showed of some answers, a share of them turned round."""
    asked = [row for row in requests_of(lake, window) if rng.random() < share]
    rows = [
        to_row(
            ConsumerLog(
                request_id=str(row["request_id"]),
                event_time=_moment(row),
                consumer="tv-app",
                fraction=share,
                surface=str(row["surface"]),
                shown=_slate(row)[:: -1 if rng.random() < turned_round else 1],
                traffic="simulated",
            )
        )
        for row in asked
    ]
    lake.write_rows(
        "consumer_logs", rows=rows, ingest_time=window.start, name=f"echo-{window.start:%Y%m%d}"
    )


def copy_rows(
    lake: DuckDbLake,
    table: str,
    window: Window,
    *,
    share: float,
    rng: np.random.Generator,
    renamed: str = "",
    **now: object,
) -> None:
    """Write a share of the window's rows again, with other values in some columns.

    renamed: what the copies' request ids begin with; '' for the same ids.
    """
    start, end = (
        f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'" for moment in (window.start, window.end)
    )
    rows = lake.run(
        f"SELECT * FROM {table} "  # noqa: S608 - the test's own table and moments
        f"WHERE event_time >= {start} AND event_time < {end} ORDER BY request_id"
    )
    copies = [
        {name: _plain(value) for name, value in {**row, **now}.items() if name != "dt"}
        | {"request_id": f"{renamed}{row['request_id']}"}
        for row in rows
        if rng.random() < share
    ]
    name = f"copies-{renamed}{len(copies)}"
    lake.write_rows(table, rows=copies, ingest_time=window.start, name=name)


def write_every_fault(lake: DuckDbLake, rng: np.random.Generator) -> None:
    """Write a reference as it should be, and into the window a bit of everything at once."""
    write_feedback(lake, REFERENCE, share=1.0, rng=rng)
    write_echo(lake, REFERENCE, rng=rng)
    write_echo(lake, WINDOW, turned_round=0.5, rng=rng)
    soon = WINDOW.start + timedelta(hours=14)
    write_feedback(
        lake, WINDOW, share=1.0, shown_share=0.2, delay=timedelta(minutes=-5), until=soon, rng=rng
    )
    copy_rows(lake, "full_requests", WINDOW, share=0.5, rng=rng, renamed="lost-")
    old = {"delta_id": f"d-{REFERENCE.start:%Y%m%d}"}
    copy_rows(lake, "slim_requests", WINDOW, share=1.0, rng=rng, surface=None, shown=[], **old)
    robot = {**old, "member": "robot", "latency_ms": 30.0}
    unwell = {"scores": [0.5] * 10, "arm": "explore", "status": "ok"}
    copy_rows(lake, "slim_requests", WINDOW, share=1.0, rng=rng, renamed="x-", **robot, **unwell)


def _play(row: Row, *, shown: bool, at: datetime) -> Row:
    slate = _slate(row)
    return to_row(
        FeedbackEvent(
            event_id=f"e-{row['request_id']}",
            request_id=str(row["request_id"]),
            event_time=at,
            member=str(row["member"]),
            member_group=int(str(row["member_group"])),
            item_id=slate[0] if shown else "i-01995",
            kind="play",
            value=1.0,
            traffic="simulated",
        )
    )


def _slate(row: Row) -> list[str]:
    shown = row["shown"]
    assert isinstance(shown, list)
    return shown


def _moment(row: Row) -> datetime:
    moment = row["event_time"]
    assert isinstance(moment, datetime)
    return moment


def _plain(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S.%f}"[:-3] if isinstance(value, datetime) else value
