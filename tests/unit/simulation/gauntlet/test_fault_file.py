"""Fault files: what they may say, and how floors become sizes."""

import math
from pathlib import Path

import pytest
from recsysops.errors import BadInput
from recsysops.simulation.gauntlet.fault_file import Scale, load_faults, read_fault

_GOOD = """
name = "blank_titles"
happens = "An export drops the title of some items."
[[steps]]
on = "items"
do = "fill"
columns = ["title"]
value = ""
share = "size"
[magnitude]
audit = "null_default_share"
metric = "empty_share"
[expected]
component = ["item_features"]
subject = ["title"]
"""


def test_magnitudes_are_one_two_and_five_floors() -> None:
    scale = Scale(audit="a", metric="m")
    sizes = [scale.size_of(size, floor=0.02) for size in ("small", "middle", "large")]
    assert sizes == pytest.approx([0.02, 0.04, 0.1])


def test_a_share_never_exceeds_all_rows() -> None:
    assert Scale(audit="a", metric="m").size_of("large", floor=0.25) == 1.0


def test_a_log_ratio_takes_away_what_its_floor_says() -> None:
    loss = Scale(audit="a", metric="m", size="loss").size_of("small", floor=math.log(1.5))
    gain = Scale(audit="a", metric="m", size="gain").size_of("middle", floor=math.log(1.5))
    assert (loss, gain) == (pytest.approx(1 / 3), pytest.approx(1.25))


def test_every_packaged_fault_is_valid_and_named_after_its_file() -> None:
    assert len(load_faults()) >= 15


def test_a_folder_adds_its_faults(tmp_path: Path) -> None:
    (tmp_path / "blank_titles.toml").write_text(_GOOD)
    names = [fault.name for fault in load_faults(tmp_path)]
    assert "blank_titles" in names
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('do = "fill"', 'do = "melt"', "steps.0.do"),
        ('on = "items"', 'on = "galaxies"', "steps.0.on"),
        ('share = "size"', 'share = "half"', "steps.0.share"),
        ('name = "blank_titles"', 'name = "../etc"', "name"),
        ("[expected]", "[hoped]", "expected"),
        ("[magnitude]", "[magnitude", "fault file"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(_GOOD.replace(old, new))
    with pytest.raises(BadInput, match=says) as refused:
        read_fault(path)
    assert "\n" not in str(refused.value)


def test_a_name_used_twice_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no fault file"):
        load_faults(tmp_path)
    (tmp_path / "again.toml").write_text(_GOOD.replace("blank_titles", "zero_fill_price"))
    with pytest.raises(BadInput, match="used twice: zero_fill_price"):
        load_faults(tmp_path)
