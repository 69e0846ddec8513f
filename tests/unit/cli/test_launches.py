"""`recsysops launches` over memory ports: the newest run only, with flags, reasons and labels."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from recsysops.bootstrap import Ports
from recsysops.cli import launches
from recsysops.request_log.job_records import LaunchForecastRow
from recsysops.request_log.schema import to_row

from tests.fakes.broken_world import BrokenWorld
from tests.fakes.served_world import AS_OF
from tests.unit.cli.conftest import RunCli


class Refusing:
    """A state machine whose run has too little evidence."""

    def run(self, _: str, __: object, **___: object) -> dict[str, object]:
        return {"refused": "3 past launches are too few"}


@pytest.fixture
def forecasts(ports: Ports, broken_world: BrokenWorld, monkeypatch: pytest.MonkeyPatch) -> Ports:
    item = next(iter(broken_world.items.scan()))
    for days, share in ((0, 0.1), (1, 0.2)):
        row = LaunchForecastRow(
            schema_version=1,
            as_of=AS_OF + timedelta(days=days),
            item_id=item.item_id,
            launch_date="2026-04-01",
            model_id="m-1",
            role="production",
            panel_share=share,
            low=None,
            high=None,
            shadow_share=0.0,
            flagged=True,
            reasons=["language is missing; most peers have fr"],
        )
        broken_world.lake.write_rows(
            "launch_forecasts", rows=[to_row(row)], ingest_time=row.as_of, name=f"run-{days}"
        )
    monkeypatch.setattr(launches, "open_ports", lambda: ports)
    return ports


@pytest.mark.usefixtures("forecasts")
def test_json_holds_the_newest_run_with_its_reasons(run_cli: RunCli) -> None:
    said = run_cli("launches", "--json")
    (row,) = json.loads(said.out)
    assert said.status == 0
    assert row["panel_share"] == 0.2
    assert row["low"] is None
    assert row["title"]
    assert row["reasons"] == ["language is missing; most peers have fr"]


@pytest.mark.usefixtures("forecasts")
def test_people_read_flag_and_reason(run_cli: RunCli) -> None:
    said = run_cli("launches")
    assert "FLAGGED" in said.out
    assert "language is missing" in said.out


def test_a_refused_run_is_one_line_with_the_reason(forecasts: Ports, run_cli: RunCli) -> None:
    forecasts.runs = Refusing()  # type: ignore[assignment]
    said = run_cli("launches", "--run")
    assert said.status == 2
    assert said.err.splitlines()[-1] == "recsysops: launches: 3 past launches are too few"
