"""Canary and control: the same hash, the same size, stable members; and what a pointer refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import FlagError
from recsysops.serving.roll_out import assign_arm, dump_model_pointer, parse_model_pointer
from recsysops.vocabulary import Canary, ModelPointer, Shadow

members = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)


def test_canary_and_control_are_as_large_as_the_percentage_says() -> None:
    canary = Canary("m-2", 10.0, "roll-1")
    arms = [assign_arm(canary, f"p-{n}") for n in range(20_000)]
    counts = {
        arm: sum(a is not None and a.arm == arm for a in arms) for arm in ("canary", "control")
    }
    for count in counts.values():
        assert abs(count - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5


@given(members, st.floats(0.1, 25.0))
def test_a_larger_canary_keeps_the_members_it_has(member: str, percent: float) -> None:
    small, large = (assign_arm(Canary("m-2", p, "r"), member) for p in (percent, 2 * percent))
    if small is not None and small.arm == "canary":
        assert large is not None
        assert large.arm == "canary"
    if small is not None and small.arm == "control":
        assert large is not None
        assert large.arm == "canary", "the control is who comes next"


@given(members)
def test_half_and_half_leaves_nobody_out_and_no_canary_takes_nobody(member: str) -> None:
    assert assign_arm(Canary("m-2", 50.0, "r"), member) is not None
    assert assign_arm(None, member) is None


def test_another_salt_draws_other_members() -> None:
    drawn = [
        {
            n
            for n in range(2_000)
            if (a := assign_arm(Canary("m", 10.0, salt), f"p-{n}")) and a.arm == "canary"
        }
        for salt in ("one", "two")
    ]
    overlap = len(drawn[0] & drawn[1])
    assert overlap < 60, "20 of 200 are expected by chance"


def test_a_pointer_with_everything_reads_back_as_written() -> None:
    pointer = ModelPointer(
        "m-1", previous="m-0", canary=Canary("m-2", 5.0, "r-1"), shadow=Shadow("m-3", 0.25)
    )
    assert parse_model_pointer(dump_model_pointer(pointer)) == pointer


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ('"canary": {"model_id": "m-2", "percent": 51.0, "salt": "r"}', "canary.percent"),
        ('"canary": {"model_id": "m-2", "percent": 0.0, "salt": "r"}', "canary.percent"),
        ('"canary": {"model_id": "m-2", "percent": 5.0, "salt": ""}', "canary.salt"),
        ('"canary": {"model_id": "m-1", "percent": 5.0, "salt": "r"}', "production model m-1"),
        ('"shadow": {"model_id": "m-1", "share": 0.5}', "production model m-1"),
        ('"shadow": {"model_id": "m-2", "share": NaN}', "shadow.share"),
        ('"shadow": {"model_id": "m-2"}', "shadow.share"),
    ],
)
def test_a_pointer_that_breaks_the_rules_is_refused_with_the_place(part: str, words: str) -> None:
    with pytest.raises(FlagError, match=words):
        parse_model_pointer(f'{{"production": "m-1", {part}}}')
