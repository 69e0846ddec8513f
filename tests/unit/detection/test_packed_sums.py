"""Packed sums of stretches added up, by hand."""

from recsysops.detection.packed import add_up, read_packed, tell_packed


def _row(label: str, groups: str, n: int) -> dict[str, object]:
    return {
        "period": "window", "slice": "all", "label": label,
        "n": n, "ww": float(n), "wxx": 0.5, "groups": groups,
    }  # fmt: skip


def test_cells_and_groups_are_added_one_by_one_and_missing_ones_count_nothing() -> None:
    monday = read_packed([_row("s=a", "0:1.0:0.5 3:2.0:0.0", 3)])
    tuesday = read_packed([_row("s=a", "3:4.0:1.0", 4), _row("s=b", "31:1.0:0.0", 1)])
    assert tell_packed(add_up([monday, tuesday]), period="reference") == [
        {
            "period": "reference", "slice": "all", "label": "s=a",
            "n": 7, "ww": 7.0, "wxx": 1.0, "groups": "0:1.0:0.5 3:6.0:1.0",
        },
        {
            "period": "reference", "slice": "all", "label": "s=b",
            "n": 1, "ww": 1.0, "wxx": 0.5, "groups": "31:1.0:0.0",
        },
    ]  # fmt: skip


def test_a_cell_of_zeros_can_be_read_back() -> None:
    [told] = tell_packed(read_packed([_row("s=a", "5:0.0:0.0", 1)]), period="reference")
    assert read_packed([told]).groups.sum() == 0.0


def test_nothing_adds_up_to_nothing() -> None:
    assert tell_packed(add_up([]), period="reference") == []
