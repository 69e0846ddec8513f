"""What batch functions are called with is read strictly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from recsysops.adapters.job_events import (
    JudgeTask,
    pack_document,
    read_moment,
    read_task,
    unpack_document,
)
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.checks import CheckDocument, Judgement
from recsysops.detection.context import make_context
from recsysops.detection.declaration import Audit
from recsysops.detection.thresholds import KEPT_CHECKS
from recsysops.errors import BadInput
from recsysops.vocabulary import Window

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(NOW, NOW + timedelta(days=1))
BEFORE = Window(NOW - timedelta(days=7), NOW)


@pytest.mark.parametrize(
    ("event", "moment"),
    [
        ({}, NOW),
        ({"as_of": None}, NOW),
        ({"as_of": "2026-03-01T10:00:00.5Z"}, datetime(2026, 3, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ({"as_of": "2026-03-01T10:00:00+05:30"}, datetime(2026, 3, 1, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc_or_defaults(event: dict[str, object], moment: datetime) -> None:
    assert read_moment(event, "as_of", default=NOW) == moment


@pytest.mark.parametrize("text", ["2026-03-01T10:00:00", "2026-03-01", "now", 3, "", []])
def test_what_is_no_moment_with_a_zone_is_refused_by_name(text: object) -> None:
    with pytest.raises(BadInput, match="as_of"):
        read_moment({"as_of": text}, "as_of", default=NOW)


def test_a_task_is_refused_with_the_path_of_its_first_problem() -> None:
    event = {"audit": "volume", "query_execution_id": 3, "window": {}}
    with pytest.raises(BadInput, match="query_execution_id: Input should be a valid string"):
        read_task(JudgeTask, event)


def very_bad_day(audit: Audit) -> Judgement:
    """What an audit says in which every slice alarms: as many findings as may travel."""
    random = Random(audit.name)
    findings = tuple(
        CheckDocument(
            metric="category_share",
            subject="language",
            slice={"country": f"{number}", "source": f"supplier-{random.randrange(90)}"},
            baseline=random.random(),
            observed=random.random(),
            effect=random.random(),
            effect_floor=0.05,
            p_value=random.random() ** 40,
            nested=True,
            evidence={"requests": random.random() * 1e4, "rows": random.randrange(100_000)},
        )
        for number in range(KEPT_CHECKS)
    )
    sql = audit.render(make_context(window=WINDOW, reference=BEFORE))
    return Judgement(audit=audit.name, status="judged", findings=findings, sql=sql)


def test_a_run_in_which_every_audit_finds_all_it_may_fits_through_the_state_machine() -> None:
    judged = [very_bad_day(audit).model_dump(mode="json") for audit in AUDITS]
    packed = [pack_document(one, readable=("audit", "status")) for one in judged]
    assert len(json.dumps(judged)) > 256 * 1024, "the limit of a state's output"
    assert len(json.dumps(packed)) < 0.9 * 256 * 1024
    for one, expected in zip(packed, judged, strict=True):
        found = unpack_document(json.loads(json.dumps(one)))
        findings, whole = found.pop("findings"), {**expected}
        for mine, theirs in zip(findings, whole.pop("findings"), strict=True):
            assert mine.pop("evidence") == pytest.approx(theirs["evidence"], rel=1e-8)
            numbers = {name: value for name, value in mine.items() if isinstance(value, float)}
            assert numbers == pytest.approx({name: theirs[name] for name in numbers}, rel=1e-8)
            assert {**theirs, **numbers} == {**mine, "evidence": theirs["evidence"]}
        assert found == whole
    assert packed[0]["audit"] == AUDITS[0].name


def test_a_small_document_travels_as_it_is() -> None:
    document = {"audit": "volume", "status": "judged", "findings": []}
    assert pack_document(document, readable=("audit",)) == document
    assert unpack_document(document) == document


@pytest.mark.parametrize("packed", ["no base64!", "bm8gemxpYg==", 7])
def test_what_was_never_packed_is_refused(packed: object) -> None:
    with pytest.raises(BadInput, match="packed: no compressed JSON"):
        unpack_document({"packed": packed})
