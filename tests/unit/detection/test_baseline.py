"""What is kept of a reference: exact, named by what was asked, never when it was empty."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryBlobs
from recsysops.detection.baseline import (
    baseline_key,
    dump_baseline,
    load_baseline,
    make_baseline,
)
from recsysops.detection.catalogue import AUDITS, find_audit
from recsysops.detection.cells import read_distributions, read_edges
from recsysops.detection.declaration import Audit
from recsysops.detection.sql import render_audit
from recsysops.errors import BadData, BadInput
from recsysops.workflows.keep_baselines import BaselineStore

from tests.unit.detection.distributions import context, packed_row, rows

DRIFT = find_audit("feature_drift")
REFERENCE = context().reference
EDGES_ROW = {
    "period": "edges",
    "slice": "all",
    "label": "year=edges",
    "n": 0,
    "ww": 0.0,
    "wxx": 0.0,
    "groups": "1990.0 2.001E3",
}


def test_an_answer_about_both_periods_leaves_its_reference_and_its_edges() -> None:
    answer = [EDGES_ROW, *rows({"0": (10, 7), "1": (5, 9)}, subject="year")]
    kept = make_baseline(DRIFT, REFERENCE, answer)
    assert kept.edges == {"year": (1990.0, 2001.0)}
    assert {row["period"] for row in kept.rows} == {"reference"}
    alone = [row for row in answer if row["period"] == "window"]
    [whole] = read_distributions(answer)
    [joined] = read_distributions(alone, reference=load_baseline(dump_baseline(kept)).sums)
    assert (joined.reference.groups == whole.reference.groups).all()
    assert (joined.window.groups == whole.window.groups).all()


def test_edges_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(BadData, match="edges"):
        read_edges([{**EDGES_ROW, "groups": "many"}])


def test_another_question_has_another_baseline_and_the_window_does_not_matter() -> None:
    changed = replace(DRIFT, tables=DRIFT.tables.replace("'source='", "'supplier='"))
    assert baseline_key(DRIFT, REFERENCE) != baseline_key(changed, REFERENCE)
    assert baseline_key(DRIFT, REFERENCE) != baseline_key(DRIFT, context().window)
    assert baseline_key(DRIFT, REFERENCE) == make_baseline(DRIFT, REFERENCE, []).key


def test_a_baseline_is_found_again_by_another_process_and_an_empty_one_is_not_kept() -> None:
    blobs = MemoryBlobs()
    kept = make_baseline(DRIFT, REFERENCE, [packed_row("reference", "year", "0", weights=[1.0])])
    BaselineStore(blobs).keep(kept)
    assert BaselineStore(blobs).find(DRIFT, REFERENCE) == kept
    volume = find_audit("volume")
    store = BaselineStore(blobs)
    store.keep(make_baseline(volume, REFERENCE, []))
    assert store.find(volume, REFERENCE) is None


def test_a_baseline_that_cannot_be_read_is_said_so() -> None:
    blobs = MemoryBlobs({baseline_key(DRIFT, REFERENCE): b"{}"})
    with pytest.raises(BadData, match="kept baseline"):
        BaselineStore(blobs).find(DRIFT, REFERENCE)


@pytest.fixture(scope="module")
def lake():
    with DuckDbLake(clock=lambda: datetime(2026, 3, 3, tzinfo=UTC)) as lake:
        yield lake


@pytest.mark.parametrize("asked", ["reference", "window"])
@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.name)
def test_an_audit_asked_for_one_period_reads_no_row_of_the_other(
    audit: Audit, asked: str, lake: DuckDbLake
) -> None:
    edges = {"year": (1990.0, 2001.5), "genre": (-1e-7,)} if audit.to_bin else None
    sql = audit.render(context(asked=asked), edges=edges)
    assert lake.run(sql) == []
    other = {"reference": "2026-03-03", "window": "2026-03-01"}[asked]
    assert not re.search(f"event_time (<|>=) timestamp '{other}", sql)


def test_frozen_edges_are_doubles_and_must_be_finite() -> None:
    sql = DRIFT.render(context(), edges={"year": (1990.0, 1e-7), "price": ()})
    assert "('year', ARRAY[1990.0e0, 1e-07])" in sql
    assert "approx_percentile" not in sql
    with pytest.raises(BadInput, match="finite"):
        DRIFT.render(context(), edges={"year": (float("inf"),)})
    with pytest.raises(BadInput, match="not an id"):
        DRIFT.render(context(), edges={"ye'ar": (1.0,)})


def test_without_any_frozen_edge_nothing_is_binned(lake: DuckDbLake) -> None:
    sql = render_audit(
        "{edges}, cells AS (SELECT 'window' AS period, 'all' AS slice, subject AS label,"
        " 0 AS grp, 1e0 AS weight, 0e0 AS x FROM edges)",
        context(),
        to_bin="SELECT 'never' AS subject, 1e0 AS x",
        edges={},
    )
    assert lake.run(sql) == []
