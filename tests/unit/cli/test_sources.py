"""`sources add` proposes, `sources check` judges: exit status, words and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.cli.conftest import RunCli


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    return write(tmp_path / "ratings.parquet", rating(seed=0))


def rating(*, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 11, 3_000) / 2


def write(path: Path, values: np.ndarray) -> Path:
    member = np.arange(len(values)) // 10
    pq.write_table(
        pa.table(
            {"member": member, "rating": values, "title": [f"t{n}" for n in range(len(values))]}
        ),
        path,
    )
    return path


def test_a_source_is_added_and_a_clean_file_passes(
    run_cli: RunCli, ratings: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    said = run_cli(
        "sources", "add", str(ratings), "--cluster", "member", "--out", str(kept), "--json"
    )
    proposed = {column["name"]: column for column in json.loads(said.out)["columns"]}
    assert {name: column["role"] for name, column in proposed.items()} == {
        "member": "identifier",
        "rating": "feature",
        "title": "identifier",
    }
    assert proposed["rating"]["audits"]["distribution_ks"] == 0.04
    assert not proposed["title"]["audits"]
    later = write(tmp_path / "later.parquet", rating(seed=1))
    assert run_cli("sources", "check", str(kept), str(later)).status == 0


def test_a_corrupted_file_exits_with_1_and_names_the_column(
    run_cli: RunCli, ratings: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    run_cli("sources", "add", str(ratings), "--out", str(kept), "--identifier", "member")
    values = rating(seed=2)
    values[::10] = 0.0
    said = run_cli(
        "sources", "check", str(kept), str(write(tmp_path / "b.parquet", values)), "--json"
    )
    found = json.loads(said.out)
    assert (said.status, found["quiet"]) == (1, False)
    assert {alarm["subject"] for alarm in found["alarms"]} == {"rating"}
    assert found["alarms"][0]["metric"] == "zero_share"


def test_words_for_people_tell_schema_and_alarms(
    run_cli: RunCli, ratings: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    run_cli("sources", "add", str(ratings), "--out", str(kept))
    pq.write_table(pa.table({"rating": [np.nan] * 100}), tmp_path / "b.parquet")
    said = run_cli("sources", "check", str(kept), str(tmp_path / "b.parquet"))
    assert said.status == 1
    assert "schema: member: column missing" in said.out
    assert "could not judge rating, because there is no value in the table" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--identifier", "nobody"), "no column 'nobody'"),
        (("--name", "../../etc"), "name and owner: String should match"),
    ],
)
def test_what_does_not_fit_is_one_line(
    run_cli: RunCli, ratings: Path, arguments: tuple[str, ...], message: str
) -> None:
    said = run_cli("sources", "add", str(ratings), *arguments)
    assert said.status == 2
    assert message in said.err


def test_a_file_that_add_did_not_write_is_refused(run_cli: RunCli, ratings: Path) -> None:
    said = run_cli("sources", "check", str(ratings), str(ratings))
    assert said.status == 2
    assert "nothing that 'recsysops sources add' wrote" in said.err
