"""The model pointer and the sampling plan read back as written, and refuse what could harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import FlagError
from recsysops.serving.roll_out import (
    dump_model_pointer,
    dump_sampling_plan,
    parse_model_pointer,
    parse_sampling_plan,
)
from recsysops.vocabulary import ModelPointer, SamplingPlan

shares = st.floats(0.0, 1.0)
model_ids = st.from_regex(r"m-[0-9a-f]{1,12}", fullmatch=True)


@given(model_ids, st.none() | model_ids)
def test_every_pointer_reads_back_as_written(production: str, candidate: str | None) -> None:
    pointer = ModelPointer(production, candidate)
    assert parse_model_pointer(dump_model_pointer(pointer)) == pointer


@given(st.dictionaries(st.sampled_from(["search", "kids-tv"]), model_ids))
def test_models_of_surfaces_read_back_as_written(surfaces: dict[str, str]) -> None:
    pointer = ModelPointer("m-0", surfaces=surfaces)
    text = dump_model_pointer(pointer)
    assert parse_model_pointer(text) == pointer
    assert ("surfaces" in text) == bool(surfaces), "a scorer of before reads what it knows"


@given(shares, shares, shares, st.dictionaries(st.sampled_from(["a/b", "c"]), shares))
def test_every_plan_reads_back_as_written(rate, raised, explore, strata) -> None:
    plan = SamplingPlan(rate, raised, explore, strata)
    assert parse_sampling_plan(dump_sampling_plan(plan)) == plan


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "model pointer"),
        ("{}", "production: Field required"),
        ('{"production": "../m"}', "production"),
        ('{"production": 3}', "production"),
        ('{"production": "m-1", "canary": "m-2"}', "canary"),
        ('{"production": "m-1", "surfaces": {"../x": "m-2"}}', "surfaces"),
        ('{"production": "m-1", "surfaces": {"search": ""}}', "surfaces.search"),
        (
            '{"production": "m", "surfaces": {"a": "m-1", "b": "m-2", "c": "m-3", "d": "m-4"}}',
            "surfaces name 4 models; at most 3 may",
        ),
    ],
)
def test_a_pointer_that_breaks_the_rules_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(FlagError, match=words):
        parse_model_pointer(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('"rate": 1.5', "rate"),
        ('"rate": "0.5"', "rate"),
        ('"rate": NaN', "sampling plan"),
        ('"rate": 0.1, "stratum_rates": {"a": -0.1}', "stratum_rates.a"),
        ('"rate": 0.1, "stratum_rates": {"": 0.1}', "stratum_rates"),
        ('"rate": 0.1, "floor": 1', "floor"),
    ],
)
def test_a_plan_that_breaks_the_rules_is_refused_with_the_place(change: str, words: str) -> None:
    with pytest.raises(FlagError, match=words):
        parse_sampling_plan(f'{{"raised_rate": 0.9, "explore_rate": 0.1, {change}}}')
