"""The audits' SQL means the same to the laptop stage's Athena as to the in-process lake."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from recsysops.adapters.athena_queries import AthenaQueries
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.checks import CheckDocument
from recsysops.detection.context import make_context
from recsysops.detection.declaration import Audit
from recsysops.detection.judge import judge_rows
from recsysops.ports import QueryEngine
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES
from recsysops.vocabulary import ItemFeatures

from infra.local.clients import make_client
from infra.local.emulator import start_emulator, stop_emulator
from infra.local.layout import Layout
from infra.local.ports import find_free_port
from tests.fakes.audited_lake import (
    NOW,
    REFERENCE,
    WINDOW,
    Day,
    known_popularity,
    make_catalogue,
    next_batch,
    write_day,
)
from tests.fakes.launch_ranks import launch_rank
from tests.fakes.log_faults import write_every_fault
from tests.fakes.releases import write_bad_canary
from tests.fakes.searches import write_searches
from tests.integration.laptop.scenes import make_bucket, make_table

pytestmark = pytest.mark.laptop

CONTEXT = make_context(window=WINDOW, reference=REFERENCE, approved_models=("m-good",))


@pytest.fixture(scope="module")
def lake() -> Iterator[DuckDbLake]:
    """Everything wrong at once, so that every audit has something to say."""
    rng = np.random.default_rng(77)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = [
            replace(item, launch_date=_launch_date(number), source=_source(item, number))
            for number, item in enumerate(make_catalogue(2_000, rng))
        ]
        write_day(lake, Day(REFERENCE, requests=400), items, rng)
        wrong = [
            replace(
                item,
                year=0 if number % 10 == 0 else item.year,
                language=_broken_language(item),
                batch="2026-01-31" if item.source == "supplier-3" else item.batch,
                price=None if item.price is None or number % 5 else item.price * 100.0,
            )
            for number, item in enumerate(next_batch(items, WINDOW.start.date(), rng))
            if item.source != "supplier-8"
        ]
        day = Day(
            WINDOW,
            requests=600,
            model_id="m-bad",
            zero_blocks=["genre"],
            fallback_share=0.3,
            refused_document="badbad",
            rank_factor=30.0,
            trained=lambda _subject, item: 0.0 if "War" in item.genres else 2.0,
            trained_at=WINDOW.start - timedelta(days=30),
            differing_share=0.5,
            popularity=lambda item: 1.5 if item.source < "supplier-7" else known_popularity(item),
            shown=[f"i-{place:05d}" for place in range(1, 4)],
        )
        write_day(lake, day, wrong, rng)
        write_every_fault(lake, rng)
        write_searches(lake, REFERENCE)
        write_searches(lake, WINDOW, empty=100, failed=100)
        write_bad_canary(lake, reference=REFERENCE, window=WINDOW)
        for window, lower in ((REFERENCE, 0.0), (WINDOW, 0.4)):
            ranks = [
                launch_rank(n, window.start, age=n % 7, percentile=lower + rng.uniform(0.2, 0.5))
                for n in range(60)
            ]
            lake.write_rows("launch_ranks", rows=ranks, ingest_time=window.start, name="launches")
        lake.flush()
        yield lake


def _source(item: ItemFeatures, number: int) -> str:
    """Of the ten items that are shown, the six that the window leaves out are one supplier's."""
    return "supplier-7" if 4 <= number < 10 else item.source


def _launch_date(number: int) -> date | None:
    """Ten launches that are shown, then fifty that wait; and more that nobody asks for."""
    if number % 40 == 0 or number < 10:
        return REFERENCE.start.date()
    return WINDOW.start.date() if number < 60 else None


def _broken_language(item: ItemFeatures) -> str | None:
    if item.launch_date is not None:
        return None
    return "xx" if item.language == "ja" else item.language


@pytest.fixture(scope="module")
def athena(lake: DuckDbLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryEngine]:
    layout = Layout(root=tmp_path_factory.mktemp("athena"))
    emulator = start_emulator(layout, port=find_free_port(), auth=False, shims=("all",))
    try:
        make_bucket(emulator.endpoint, "lake")
        _upload(lake, emulator.endpoint)
        client = make_client("athena", emulator.endpoint)
        client.create_work_group(
            Name="audits",
            Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/results/"}},
        )
        yield AthenaQueries(client, workgroup="audits", database="shop")
    finally:
        stop_emulator(layout)


def _upload(lake: DuckDbLake, endpoint: str) -> None:
    for table, record in TABLES.items():
        make_table(endpoint, table, columns=dict(glue_columns(record)))
    storage = make_client("s3", endpoint)
    for path in sorted(lake.folder.glob("*/dt=*/*.json*")):
        body = path.read_bytes()
        packed = body if path.suffix == ".gz" else gzip.compress(body)
        key = str(path.relative_to(lake.folder)).removesuffix(".gz") + ".gz"
        storage.put_object(Bucket="lake", Key=key, Body=packed)


# an owned metric asks for items of a real catalogue, which this lake does not have
@pytest.mark.parametrize(
    "audit",
    [audit for audit in AUDITS if not audit.name.startswith("metric_")],
    ids=lambda audit: audit.name,
)
def test_both_lakes_lead_to_the_same_judgement(
    audit: Audit, lake: DuckDbLake, athena: QueryEngine
) -> None:
    sql = audit.render(CONTEXT)
    here, there = (judge_rows(audit, engine.run(sql), context=CONTEXT) for engine in (lake, athena))
    assert here.status == there.status == "judged"
    assert here.findings
    # ties in p may come in another order
    mine, theirs = ({_named(f): f for f in one.findings} for one in (here, there))
    assert mine.keys() == theirs.keys()
    for name, finding in mine.items():
        assert theirs[name].observed == pytest.approx(finding.observed, rel=1e-6)
        assert theirs[name].p_value == pytest.approx(finding.p_value, rel=1e-3, abs=1e-12)


def _named(finding: CheckDocument) -> tuple[str, ...]:
    return finding.metric, finding.subject, str(sorted(finding.slice.items()))


def test_only_a_few_aggregates_leave_the_lake(lake: DuckDbLake) -> None:
    rows = [len(lake.run(audit.render(CONTEXT))) for audit in AUDITS]
    assert sum(rows) < 5_000  # of 1,000 requests x 10 items and 4,000 item rows
