from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import BadBody, BadData, FlagError
from recsysops.serving.roll_out import dump_sampling_plan, parse_sampling_plan
from recsysops.serving.surface_plan import (
    dump_surface_plan,
    is_known_surface,
    load_surface_plan,
    plan_of_surface,
)
from recsysops.vocabulary import PLAIN_SURFACE, ModelPointer, SamplingPlan, SurfacePlan

surface_plans = st.builds(
    SurfacePlan,
    diversity=st.floats(0, 100),
    diversity_window=st.integers(1, 50),
    launch_slots=st.sets(st.integers(1, 50), max_size=10).map(lambda s: tuple(sorted(s))),
    launch_days=st.integers(1, 365),
    policy=st.sampled_from(["greedy", "thompson"]),
    prior_trials=st.floats(1, 1e6),
)


@given(st.dictionaries(st.sampled_from(["home", "kids", "tv-app"]), surface_plans))
def test_surfaces_survive_the_sampling_document(surfaces: dict[str, SurfacePlan]) -> None:
    plan = SamplingPlan(surfaces=surfaces)
    assert parse_sampling_plan(dump_sampling_plan(plan)) == plan


@given(surface_plans)
def test_a_logged_plan_reads_back_as_it_was(plan: SurfacePlan) -> None:
    assert load_surface_plan(dump_surface_plan(plan)) == plan


def test_a_plain_plan_is_logged_as_nothing() -> None:
    assert dump_surface_plan(PLAIN_SURFACE) is None
    assert dump_surface_plan(SurfacePlan(diversity=0.5)) == '{"diversity": 0.5}'
    with pytest.raises(BadData, match="surface_plan"):
        load_surface_plan('{"shuffle": true}')


def test_a_surface_is_built_in_configured_or_refused() -> None:
    kids = SurfacePlan(diversity=1.0)
    plan = SamplingPlan(surfaces={"kids": kids})
    assert plan_of_surface(plan, "kids") == kids
    assert plan_of_surface(plan, "home") == PLAIN_SURFACE
    pointer = ModelPointer("m-1", surfaces={"tv": "m-2"})
    assert all(is_known_surface(s, plan=plan, pointer=pointer) for s in ("home", "kids", "tv"))
    with pytest.raises(BadBody) as caught:
        is_known_surface("attic", plan=plan, pointer=None)
    assert list(caught.value.problems) == [
        ("surface", "'attic' is not one of home, item, kids, search")
    ]


def test_while_no_document_could_be_read_a_surface_may_exist() -> None:
    unread = SamplingPlan(may_lack_surfaces=True)
    assert not is_known_surface("kids", plan=unread, pointer=None)
    assert is_known_surface("home", plan=unread, pointer=None)
    assert plan_of_surface(unread, "kids") == PLAIN_SURFACE
    assert "may_lack_surfaces" not in dump_sampling_plan(unread)


@pytest.mark.parametrize(
    "bad",
    [
        {"diversity": -1.0},
        {"diversity": 1e9},
        {"diversity_window": 0},
        {"launch_slots": [2, 2]},
        {"launch_slots": [3, 1]},
        {"launch_slots": [0]},
        {"launch_slots": [51]},
        {"launch_days": 0},
        {"policy": "random"},
        {"prior_trials": 0.0},
        {"shuffle": True},
    ],
)
def test_nonsense_plans_are_refused_with_their_place(bad: dict[str, object]) -> None:
    text = json.dumps(
        {"rate": 0.1, "raised_rate": 0.5, "explore_rate": 0.1, "surfaces": {"kids": bad}}
    )
    with pytest.raises(FlagError, match=r"sampling plan: surfaces\.kids\." + next(iter(bad))):
        parse_sampling_plan(text)
