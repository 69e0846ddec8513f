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


def test_a_frozen_reference_is_not_replaced_by_accident(
    run_cli: RunCli, ratings: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    run_cli("sources", "add", str(ratings), "--out", str(kept), "--cluster", "member")
    frozen = kept.read_bytes()
    again = run_cli("sources", "add", str(ratings), "--out", str(kept))
    assert again.status == 2
    assert "holds a frozen reference already" in again.err
    assert kept.read_bytes() == frozen
    assert run_cli("sources", "add", str(ratings), "--out", str(kept), "--replace").status == 0
    assert kept.read_bytes() != frozen


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["price", "1.0"], "1 rows are fewer than 30"),
        (["price,size", *[","] * 40], "no column can be watched: price (empty), size (empty)"),
    ],
)
def test_a_reference_that_could_never_judge_is_not_kept(
    run_cli: RunCli, tmp_path: Path, lines: list[str], reason: str
) -> None:
    (tmp_path / "poor.csv").write_text("\n".join(lines) + "\n")
    kept = tmp_path / "kept.json"
    said = run_cli("sources", "add", str(tmp_path / "poor.csv"), "--out", str(kept))
    assert said.status == 2
    assert f"could not judge later tables, because {reason}" in " ".join(said.err.split())
    assert not kept.exists()


def test_a_column_that_arrives_empty_in_a_csv_is_told_as_missing_values_not_as_another_type(
    run_cli: RunCli, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    full, empty = tmp_path / "full.csv", tmp_path / "empty.csv"
    full.write_text("price,size\n" + "".join(f"{n}.5,{n % 3}\n" for n in range(400)))
    empty.write_text("price,size\n" + "".join(f",{n % 3}\n" for n in range(400)))
    run_cli("sources", "add", str(full), "--out", str(kept))
    said = run_cli("sources", "check", str(kept), str(empty), "--json")
    found = json.loads(said.out)
    assert (said.status, found["schema"]) == (1, [])
    assert [(a["subject"], a["metric"]) for a in found["alarms"]] == [("price", "null_share")]
    assert found["unjudged"] == {"price": "no value in the table"}


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
