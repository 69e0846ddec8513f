"""A publication counts the rows it could not read, and names some of them."""

from __future__ import annotations

import json

import pytest
from recsysops.adapters.publishing_metrics import tell_published
from recsysops.observability import make_logger, make_metrics


def tell(rejected: dict[str, str]) -> None:
    tell_published(
        make_metrics("publish_delta"),
        make_logger("publish_delta"),
        delta_id="d-1",
        rejected=rejected,
    )


def test_rejected_rows_are_counted_for_the_alarm_and_named_in_the_log(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    tell({f"i{number:02}": "attribute price" for number in range(30)})
    published, told = caplog.records
    assert vars(published)["delta_id"] == "d-1"
    assert (told.levelname, vars(told)["count"], len(vars(told)["rows"])) == ("ERROR", 30, 20)
    assert vars(told)["rows"]["i00"] == "attribute price"
    (counted,) = [line for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert "RejectedItems" in json.loads(counted)
    assert json.loads(counted)["service"] == "publish_delta"


def test_a_publication_without_rejected_rows_counts_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    tell({})
    assert [record.message for record in caplog.records] == ["items published"]
    assert "_aws" not in capsys.readouterr().out
