"""Open Bandit files: both editions, gzipped or not; what is garbled is named by its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from recsysops.datasets.open_bandit import load_open_bandit
from recsysops.errors import BadData, BadInput

SMALL = ",timestamp,item_id,position,click,propensity_score,"
FULL = "timestamp,item_id,position,click,action_prob,"
USER = "user_feature_0,user_feature_1,user_feature_2,user_feature_3\n"
ROWS = "0,t,14,3,0,0.25,a,b,c,d\n1,t,33,1,1,0.5,a,b,c,e\n2,t,0,2,0,0.125,a,b,c,d\n"


def write_log(folder: Path, text: str, *, packed: bool = False) -> Path:
    place = folder / "random" / "men"
    place.mkdir(parents=True)
    name = place / ("men.csv.gz" if packed else "men.csv")
    name.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_slots_count_from_zero_and_users_are_their_features(tmp_path: Path, packed: bool) -> None:
    folder = write_log(tmp_path, SMALL + USER + ROWS, packed=packed)
    log = load_open_bandit(folder, policy="random", campaign="men")
    assert log.item.tolist() == [14, 33, 0]
    assert log.position.tolist() == [2, 0, 1]
    assert log.click.tolist() == [0.0, 1.0, 0.0]
    assert log.propensity.tolist() == [0.25, 0.5, 0.125]
    assert log.user.tolist() == [0, 1, 0]
    assert log.item_count == 34


def test_the_full_edition_names_propensities_otherwise(tmp_path: Path) -> None:
    rows = "t,14,3,0,0.25,a,b,c,d\n"
    log = load_open_bandit(write_log(tmp_path, FULL + USER + rows), policy="random", campaign="men")
    assert log.propensity.tolist() == [0.25]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,t,34,3,0,0.25,a,b,c,d\n", r"line 2: item_id 34 is not from 0 to 33"),
        ("0,t,3,4,0,0.25,a,b,c,d\n", r"line 2: position 4 is not from 1 to 3"),
        ("0,t,3,1,2,0.25,a,b,c,d\n", r"line 2: click 2.0 is neither 0 nor 1"),
        ("0,t,3,1,0,0,a,b,c,d\n", r"line 2: propensity 0.0 is not in"),
        ("0,t,3,1,0,nan,a,b,c,d\n", r"line 2: propensity nan is not in"),
        ("0,t,3\n", r"line 2: "),
        ("0,t,x,1,0,1,a,b,c,d\n", r"line 2: invalid literal"),
        ("", "holds no decision"),
    ],
)
def test_what_is_garbled_is_named_by_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(BadData, match=message):
        load_open_bandit(write_log(tmp_path, SMALL + USER + row), policy="random", campaign="men")


def test_a_file_that_is_no_gzip_is_one_line(tmp_path: Path) -> None:
    folder = write_log(tmp_path, SMALL + USER + ROWS, packed=True)
    path = folder / "random" / "men" / "men.csv.gz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadData, match=r"men\.csv\.gz cannot be read"):
        load_open_bandit(folder, policy="random", campaign="men")


def test_a_campaign_that_is_not_there_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no Open Bandit log at .*bts/women"):
        load_open_bandit(tmp_path, policy="bts", campaign="women")
