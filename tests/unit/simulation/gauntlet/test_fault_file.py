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
        (
            'share = "size"',
            'share = "half"',
            'steps.0.share: a number above 0, at most 1, or "size"',
        ),
        ('share = "size"', "share = 7", "steps.0.share: a number above 0"),
        ('share = "size"', 'share = "-size"', "steps.0.share: a number above 0"),
        ('share = "size"', "share = 0.5", 'steps: no step uses the "size"'),
        ('"item_features"', '"item_feature"', "expected.component.0: Input should be 'traffic'"),
        ("[expected]", '[expected]\nslice = { batch = "pick" }', "slice: nothing to pick of batch"),
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


_STEP = _GOOD[_GOOD.index("[[steps]]") : _GOOD.index("[magnitude]")]
_LEAST = 'share = "size"'
"""What makes a step one that has a size."""


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ('on = "slim_request"\ndo = "drop"', "steps.0.on: .*'requests'.*'slim_requests'"),
        ('on = "items"\ndo = "fill"\nvalue = "x"', "steps.0: columns: fill needs some"),
        ('on = "items"\ndo = "shuffle"', "steps.0: columns: shuffle needs some"),
        ('on = "items"\ndo = "fill"\ncolumns = ["language"]', "steps.0: value: fill needs one"),
        ('on = "items"\ndo = "swap"\ncolumns = ["year"]', "steps.0: columns: swap needs two"),
        ('on = "items"\ndo = "swap"\ncolumns = ["year", "title"]', "two of one kind"),
        ('on = "items"\ndo = "scale"\ncolumns = ["price"]', "steps.0: by: scale needs it"),
        ('on = "items"\ndo = "drop"\nby = 2.0', "steps.0: by: drop does not take it"),
        ('on = "items"\ndo = "drop"\nvalue = 2.0', "steps.0: value: only fill writes one"),
        (
            'on = "items"\ndo = "drop"\ncolumns = ["price"]',
            "steps.0: columns: drop happens to whole rows",
        ),
        ('on = "items"\ndo = "reverse"\ncolumns = ["price"]', "reverse cannot happen to price"),
        (
            'on = "items"\ndo = "fill"\ncolumns = ["langauge"]\nvalue = "x"',
            "steps.0: columns: items has no column 'langauge' to change; there are: batch, genres",
        ),
        (
            'on = "items"\ndo = "fill"\ncolumns = ["price"]\nvalue = "x"',
            "steps.0: value: 'x' cannot be written into price",
        ),
        (
            'on = "items"\ndo = "fill"\ncolumns = ["title"]\nvalue = "pick"',
            "steps.0: value: nothing to pick of title",
        ),
        (
            'on = "items"\ndo = "fill"\ncolumns = ["title"]\nvalue = "size"',
            "steps.0: value: the computed size can stand in by and share only",
        ),
        (
            'on = "items"\ndo = "fill"\ncolumns = ["price"]\nvalue = nan',
            "steps.0.value: a finite number",
        ),
        ('on = "settings"\ndo = "drop"', "steps.0: do: drop cannot happen to settings"),
        ('on = "plays"\ndo = "drop"', "steps.0: do: drop cannot happen to plays"),
        ('on = "items"\ndo = "cut_day"\nby = 0.5', "steps.0: do: cut_day needs event_time"),
        ('on = "item_snapshots"\ndo = "delay"\nby = 1.0', "steps.0: do: delay needs event_time"),
        (
            'on = "items"\ndo = "drop"\nwhere = { sauce = "pick" }',
            "steps.0: where: items has no column 'sauce' to choose rows by; there are: batch",
        ),
        (
            'on = "items"\ndo = "drop"\nwhere = { year = "1979" }',
            "steps.0: where: items has no column 'year'",
        ),
        (
            'on = "items"\ndo = "drop"\nwhere = { source = 7 }',
            "where.source: a text, true or false",
        ),
        (
            'on = "items"\ndo = "drop"\nwhere = { is_launch = "yes" }',
            "steps.0: where: is_launch is true or false, not 'yes'",
        ),
        (
            'on = "items"\ndo = "drop"\nwhere = { batch = "pick" }',
            "steps.0: where: nothing to pick of batch",
        ),
        (
            'on = "items"\ndo = "add"\ncolumns = ["price"]\nby = inf',
            'steps.0.by: a number, "size" or "-size"',
        ),
    ],
)
def test_a_step_that_could_not_happen_is_refused_with_file_and_field(
    tmp_path: Path, step: str, says: str
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(_GOOD.replace(_STEP, f"[[steps]]\n{step}\n{_LEAST}\n"))
    with pytest.raises(BadInput, match=rf"fault file .*broken.toml: .*{says}") as refused:
        read_fault(path)
    assert "\n" not in str(refused.value)


def test_a_name_used_twice_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no fault file"):
        load_faults(tmp_path)
    (tmp_path / "again.toml").write_text(_GOOD.replace("blank_titles", "zero_fill_price"))
    twice = r"used twice: fault zero_fill_price \(.*faults/zero_fill_price.toml\), .*again.toml"
    with pytest.raises(BadInput, match=twice):
        load_faults(tmp_path)
