"""The catalogue's page is made of the declarations: every audit, floor and runbook is on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recsysops.detection.catalogue import AUDITS

from tests.unit.cli.conftest import RunCli


def test_the_page_has_every_audit_with_its_question_floors_and_runbook(run_cli: RunCli) -> None:
    page = run_cli("audits", "--page").out
    assert page.count("\n## ") == len(AUDITS)
    for audit in AUDITS:
        assert f"## {audit.name}\n\n**{audit.question}**" in page
        assert audit.runbook in page
        for metric, floor in audit.floors.items():
            assert f"{metric} ≥ {floor:.3g}" in page


def test_one_audit_is_told_in_full_and_a_stranger_is_refused(run_cli: RunCli) -> None:
    assert run_cli("audits", "volume").out.startswith("## volume\n\n**Do as many requests")
    said = run_cli("audits", "nothing")
    assert (said.status, said.out) == (2, "")
    assert "volume" in said.err


def test_machines_get_every_declaration(run_cli: RunCli) -> None:
    told = json.loads(run_cli("audits", "--json").out)
    assert [one["audit"] for one in told] == [audit.name for audit in AUDITS]
    assert all(one["digest"] for one in told)


def test_every_audit_names_its_owner_its_test_and_what_to_do() -> None:
    assert not [
        audit.name for audit in AUDITS if not (audit.owner and audit.test and audit.runbook)
    ]


@pytest.mark.parametrize(
    ("command", "page"),
    [(("audits", "--page"), "AUDITS.md"), (("ml-test-score",), "ML_TEST_SCORE.md")],
)
def test_the_pages_of_the_repository_are_what_make_pages_writes(
    run_cli: RunCli, command: tuple[str, ...], page: str
) -> None:
    assert (Path(__file__).resolve().parents[3] / page).read_text() == run_cli(*command).out
