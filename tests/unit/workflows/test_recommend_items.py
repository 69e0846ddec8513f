from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import recsysops
from recsysops.adapters.memory import MemoryBlobs, MemoryMembers
from recsysops.errors import BadBody, BadData, DeadlineError, DependencyError
from recsysops.model.artefact import artefact_key
from recsysops.model.packing import owner_digest, pack_vector
from recsysops.ports import LogStream
from recsysops.request_log.digest import digest_inputs
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.serving.api import RecommendationRequest
from recsysops.serving.flag_document import build_flag_document
from recsysops.serving.static_list import dump_static_list, packaged_list, static_list_key
from recsysops.vocabulary import Hotfix, Member, ModelPointer, SamplingPlan, SurfacePlan
from recsysops.workflows import recommend_items as workflow
from recsysops.workflows.recommend_items import recommend_items
from recsysops.workflows.replay_requests import replay_requests

from tests.fakes.served_world import NOW, ServedWorld, make_vector, make_world, popular_ids
from tests.fakes.small_catalogue import make_hotfix


class FailingMembers(MemoryMembers):
    def get(self, member_id: str) -> Member | None:
        raise DependencyError("throttled")


@pytest.fixture
def world() -> ServedWorld:
    return make_world()


def deploy(world: ServedWorld, *hotfixes: Hotfix) -> None:
    later = NOW + timedelta(days=1)
    world.flags.document = build_flag_document(
        [replace(hotfix, expires_at=later) for hotfix in hotfixes]
    )


def test_a_known_member_gets_a_slate_without_what_was_seen_or_excluded(world: ServedWorld) -> None:
    first = world.recommend(limit=20)
    assert (first.status, first.fallback_reason) == ("ok", None)
    assert [item.position for item in first.items] == list(range(1, 21))
    assert (first.model_id, first.delta_id) == (world.artefact.model_id, world.delta_id)
    unwanted = [item.item_id for item in first.items[:3]]
    world.members.add_seen("m1", unwanted[:2])
    second = world.recommend("r-1", exclude=unwanted[2:], limit=20)
    assert not set(unwanted) & {item.item_id for item in second.items}
    assert set(unwanted) <= set(world.full()[-1].excluded)


def test_an_unknown_member_gets_popularity_with_the_reason(world: ServedWorld) -> None:
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    response = world.recommend(member_id="nobody")
    assert (response.status, response.fallback_reason) == ("fallback", "unknown_member")
    assert [item.item_id for item in response.items] == popular_ids(world)[:10]
    line = world.slim()[0]
    assert line.member.startswith("unknown-")
    assert (line.member_known, line.status, line.fallback_reason) == (
        False, "fallback", "unknown_member",
    )  # fmt: skip


def test_a_member_without_any_vector_is_cold_but_keeps_the_seen_filter(world: ServedWorld) -> None:
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    popular = popular_ids(world)
    world.members.add_seen("newcomer", popular[:5])
    response = world.recommend(member_id="newcomer")
    assert response.fallback_reason == "cold_member"
    assert [item.item_id for item in response.items] == popular[5:15]


def test_a_vector_of_another_model_degrades_and_says_so(world: ServedWorld) -> None:
    packed = pack_vector(make_vector(1), owner=owner_digest("m-other", "schema"))
    world.members.put_many([Member("m1", {world.artefact.model_id: packed}, (), "salt")])
    response = world.recommend()
    assert (response.status, response.fallback_reason) == ("fallback", "vector_mismatch")
    assert world.full()[0].member_vector is None


def test_a_failing_member_store_degrades_and_says_so(world: ServedWorld) -> None:
    world.members = FailingMembers()
    response = world.recommend(exclude=["i0001"])
    assert (response.status, response.fallback_reason) == ("fallback", "member_store_failed")
    assert len(response.items) == 10
    assert world.full()[0].excluded == ["i0001"]


def test_a_member_row_that_cannot_be_read_degrades_and_says_so(world: ServedWorld) -> None:
    class Garbled(MemoryMembers):
        def get(self, member_id: str) -> Member | None:
            raise BadData("a row of the members table lacks or mistypes 'salt'")

    world.members = Garbled()
    response = world.recommend()
    assert (response.status, response.fallback_reason) == ("fallback", "member_store_failed")
    assert len(response.items) == 10


def test_without_any_catalogue_the_packaged_list_is_shown_and_the_line_is_written(
    world: ServedWorld,
) -> None:
    world.blobs = MemoryBlobs()
    response = world.recommend()
    assert (response.status, response.fallback_reason) == ("fallback", "no_catalogue")
    assert (response.fallback_step, response.model_id, response.delta_id) == (
        "packaged_list", "", "",
    )  # fmt: skip
    shown = [item.item_id for item in response.items]
    assert shown == list(packaged_list().item_ids[:10])
    line = world.slim()[0]
    assert (line.full, line.inclusion_probability, line.model_id) == (False, 0.0, "")
    assert (line.shown, line.scores, line.propensities) == (shown, [], [1.0] * 10)
    assert line.fallback_step == "packaged_list"
    assert world.full() == []


def test_without_a_model_the_snapshots_list_is_shown_without_what_was_seen_or_blocked(
    world: ServedWorld,
) -> None:
    member = world.members.get("m1")
    assert member is not None
    seen, item_ids = member.seen[0], [item.item_id for item in world.items]
    item_ids = [seen, *item_ids[:40]]
    world.blobs.put(static_list_key(world.delta_id), dump_static_list(world.delta_id, item_ids))
    del world.blobs.objects[artefact_key(world.artefact.model_id, "manifest.json")]
    deploy(world, make_hotfix("block_items", {"item_ids": ("i0001",)}))
    response = world.recommend(exclude=["i0002"])
    barred = {*member.seen, "i0001", "i0002"}
    shown = [item.item_id for item in response.items]
    assert shown == [item_id for item_id in item_ids if item_id not in barred][:10]
    assert (response.fallback_step, response.delta_id) == ("static_list", world.delta_id)
    assert world.slim()[0].hotfix_ids == ["fix-block_items"]


def test_a_stored_list_shows_nothing_to_a_request_with_filters_it_cannot_keep(
    world: ServedWorld,
) -> None:
    world.blobs = MemoryBlobs()
    assert world.recommend(filters={"in_stock": True}).items == ()
    assert len(world.recommend("r-2").items) == 10


def test_a_member_without_a_vector_for_production_is_served_by_the_previous_model(
    world: ServedWorld,
) -> None:
    world.flags.pointer = ModelPointer(world.add_model(5), previous=world.artefact.model_id)
    response = world.recommend()
    assert (response.model_id, response.fallback_reason, response.fallback_step) == (
        world.artefact.model_id, "vector_mismatch", "previous_model",
    )  # fmt: skip
    record = world.full()[0]
    assert (record.member_known, record.model_id) == (True, world.artefact.model_id)
    assert replay_requests([record], cache=world.cache).holds


def test_a_production_model_that_cannot_be_loaded_is_told_and_the_previous_one_serves(
    world: ServedWorld,
) -> None:
    world.flags.pointer = ModelPointer("m-not-there", previous=world.artefact.model_id)
    response = world.recommend()
    assert (response.model_id, response.fallback_reason, response.fallback_step) == (
        world.artefact.model_id, "model_unavailable", "previous_model",
    )  # fmt: skip
    unknown = world.recommend("r-2", "nobody")
    assert (unknown.fallback_reason, unknown.fallback_step) == ("unknown_member", "popularity")


def test_a_member_store_that_is_too_slow_has_a_reason_of_its_own(world: ServedWorld) -> None:
    class Slow(MemoryMembers):
        def get(self, member_id: str) -> Member | None:
            raise DeadlineError("read timed out")

    world.members = Slow()
    response = world.recommend()
    assert (response.fallback_reason, response.fallback_step) == ("member_store_slow", "popularity")


def test_unknown_candidates_are_reported(world: ServedWorld) -> None:
    response = world.recommend(candidates=["i0001", "ghost"])
    assert response.unknown_candidates == ("ghost",)
    assert response.status == "ok"


def test_the_slim_line_and_the_full_record_tell_the_same_story(world: ServedWorld) -> None:
    response = world.recommend("r-7", context={"device": "tv", "app": "4.2"}, surface="search")
    slim, full = world.slim()[0], world.full()[0]
    shared = set(type(slim).model_fields) & set(type(full).model_fields) - {"scores"}
    assert {name: getattr(slim, name) for name in shared} == {
        name: getattr(full, name) for name in shared
    }
    assert slim.shown == [item.item_id for item in response.items]
    assert slim.scores == [item.score for item in response.items]
    assert slim.member == pseudonym_of("m1", salt="salt-1")
    assert full.context == '{"app": "4.2", "device": "tv"}'
    assert full.code_version == recsysops.__version__
    assert full.input_digest == digest_inputs(full)
    assert slim.event_time == NOW
    assert slim.traffic == "live"


def test_no_log_line_holds_the_member_id() -> None:
    world = make_world()
    member = Member("a-real-person", {}, (), "salt")
    world.members.put_many([member])
    world.recommend(member_id="a-real-person")
    lines = world.log.lines("slim_requests") + world.log.lines("full_requests")
    assert len(lines) == 2
    assert not any("a-real-person" in line for line in lines)


def test_retimed_requests_are_labelled_and_see_the_catalogue_of_their_day(
    world: ServedWorld,
) -> None:
    upcoming = world.items[-1].item_id
    assert world.recommend(candidates=[upcoming]).items == ()
    later = world.recommend("r-2", candidates=[upcoming], event_time="2026-04-02T00:00:00.1239Z")
    assert [item.item_id for item in later.items] == [upcoming]
    line = world.slim()[1]
    assert (line.traffic, line.event_time.microsecond) == ("re-timed", 123000)
    assert line.stratum == "home/known/launch/greedy"


@pytest.mark.parametrize(
    ("context", "country"),
    [
        ({"country": "SE"}, "SE"),
        ({"country": "se"}, None),
        ({"country": "SWE"}, None),
        ({"country": "SE\n"}, None),
        ({"country": ""}, None),
        ({}, None),
    ],
)
def test_the_country_of_the_context_is_a_column_and_part_of_the_stratum_where_it_is_one(
    world: ServedWorld, context: dict[str, str], country: str | None
) -> None:
    world.recommend(context=context)
    line, record = world.slim()[0], world.full()[0]
    stratum = "home/known/launch/greedy" + (f"/{country}" if country else "")
    assert (line.country, line.stratum) == (country, stratum)
    assert (record.country, record.stratum) == (country, stratum)


def test_latency_covers_the_request_up_to_the_response(world: ServedWorld) -> None:
    ticks: Iterator[float] = iter([10.0, 10.0125])
    world.perf_counter = lambda: next(ticks)
    world.recommend()
    assert world.slim()[0].latency_ms == 12.5


def test_nothing_is_drawn_or_encoded_before_the_response(
    world: ServedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def note(name: str) -> Callable[..., object]:
        original = getattr(workflow, name)
        return lambda *args, **named: (happened.append(name), original(*args, **named))[1]

    class Recorder:
        work: Callable[[], None]

        def write(self, stream: LogStream, lines: Sequence[str]) -> None:
            assert all(json.loads(line)["request_id"] == "r-1" for line in lines)
            happened.append(stream)

        def defer(self, work: Callable[[], None]) -> None:
            self.work = work

        def flush(self) -> None: ...

    for name in ("sample_request", "write_slim", "write_full", "encode_record"):
        monkeypatch.setattr(workflow, name, note(name))
    log = Recorder()
    ports = replace(world.ports, log=log)
    request = RecommendationRequest(member_id="m1")
    assert recommend_items(request, request_id="r-1", ports=ports, now=NOW).items
    assert happened == []
    log.work()
    slim = ["sample_request", "write_slim", "encode_record", "slim_requests"]
    assert happened == [*slim, "write_full", "encode_record", "full_requests"]


def test_every_request_has_a_slim_line_and_full_records_come_at_their_rate() -> None:
    world = make_world(60)
    world.flags.plan = SamplingPlan(rate=0.3, raised_rate=0.8, explore_rate=0.1)
    for number in range(400):
        world.recommend(f"r-{number}", "m1" if number % 2 else "nobody")
    lines = world.slim()
    assert len(lines) == 400
    assert [line.request_id for line in lines if line.full] == [
        record.request_id for record in world.full()
    ]
    for line in lines:
        raised = line.status == "fallback" or line.arm == "explore"
        assert line.inclusion_probability == (0.8 if raised else 0.3)
    expected = sum(line.inclusion_probability for line in lines)
    deviation = sum(line.inclusion_probability * (1 - line.inclusion_probability) for line in lines)
    assert abs(len(world.full()) - expected) < 4 * deviation**0.5
    assert 0 < sum(line.arm == "explore" for line in lines) < 80


def test_an_active_hotfix_raises_the_sampling_rate(world: ServedWorld) -> None:
    world.flags.plan = SamplingPlan(rate=0.01, raised_rate=0.9, explore_rate=0.0)
    world.recommend("r-1")
    deploy(world, make_hotfix("block_items", {"item_ids": ("i0001",)}))
    world.recommend("r-2")
    assert [line.inclusion_probability for line in world.slim()] == [0.01, 0.9]


def test_blocked_items_vanish_for_exposed_members_only(world: ServedWorld) -> None:
    best = [item.item_id for item in world.recommend().items][:2]
    deploy(world, make_hotfix("block_items", {"item_ids": tuple(best)}))
    after = world.recommend()
    assert not set(best) & {item.item_id for item in after.items}
    assert world.full()[-1].hotfix_ids == ["fix-block_items"]
    deploy(world, make_hotfix("block_items", {"item_ids": tuple(best)}, percent=0.0))
    assert [item.item_id for item in world.recommend().items][:2] == best


def test_an_override_moves_the_item_it_names(world: ServedWorld) -> None:
    before = world.recommend(candidates=["i0005"]).items[0].score
    languages = {"i0005": "ja" if world.items[5].language != "ja" else "en"}
    deploy(world, make_hotfix("override_feature", {"feature": "language", "values": languages}))
    after = world.recommend(candidates=["i0005"]).items[0].score
    assert before != after


def test_the_popularity_hotfix_keeps_the_vector_in_the_record(world: ServedWorld) -> None:
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    deploy(world, make_hotfix("popularity_fallback", {"surface": "home"}))
    response = world.recommend()
    seen = set(world.full()[0].excluded)
    popular = [item_id for item_id in popular_ids(world) if item_id not in seen]
    assert [item.item_id for item in response.items] == popular[:10]
    assert (response.status, world.full()[0].member_known) == ("ok", True)
    assert world.full()[0].member_vector is not None


def test_an_expired_hotfix_does_nothing(world: ServedWorld) -> None:
    best = world.recommend().items[0].item_id
    fix = make_hotfix("block_items", {"item_ids": (best,)}, expires_at=NOW)
    world.flags.document = build_flag_document([fix])
    assert world.recommend().items[0].item_id == best
    assert world.slim()[-1].hotfix_ids == []


def test_a_refused_flag_document_shows_in_the_slim_line(world: ServedWorld) -> None:
    world.flags.document = replace(world.flags.document, version="v1", rejected="bad-digest")
    world.recommend()
    assert (world.slim()[0].flag_version, world.slim()[0].flag_rejected) == ("v1", "bad-digest")


def test_a_configured_surface_fills_its_slate_by_its_plan_and_an_unknown_one_is_refused(
    world: ServedWorld,
) -> None:
    launch = world.items[-2].item_id  # launched a day ago
    world.flags.plan = replace(
        world.flags.plan, explore_rate=0.0, surfaces={"tv": SurfacePlan(launch_slots=(2,))}
    )
    assert world.recommend(surface="tv").items[1].item_id == launch
    assert (world.slim()[0].surface, world.full()[0].surface) == ("tv", "tv")
    assert world.full()[0].surface_plan == '{"launch_slots": [2]}'
    assert world.recommend("r-2").items[1].item_id != launch
    with pytest.raises(BadBody, match="surface"):
        world.recommend("r-3", surface="attic")
    assert len(world.slim()) == 2


def test_filters_reach_the_slate_and_the_record(world: ServedWorld) -> None:
    response = world.recommend(filters={"genres_any": ["Drama"], "max_price": 9.0})
    features = {item.item_id: item for item in world.items}
    shown = [features[item.item_id] for item in response.items]
    assert shown
    assert all("Drama" in item.genres and (item.price or 99.0) <= 9.0 for item in shown)
    assert json.loads(world.full()[0].filters or "") == {"genres_any": ["Drama"], "max_price": 9.0}


def test_an_explanation_comes_only_when_asked_for(world: ServedWorld) -> None:
    plain = world.recommend("r-1")
    assert plain.explanation is None
    assert {item.explanation for item in plain.items} == {None}
    told = world.recommend("r-1", explain=True, filters={"max_price": 15.0})
    assert told.explanation is not None
    assert told.explanation.filters.max_price == 15.0
    assert all(
        item.explanation and np.float32(sum(item.explanation.contributions.values()))
        == pytest.approx(item.score, rel=1e-6)
        for item in told.items
    )  # fmt: skip
    features = world.recommend("r-1", explain_features=True)
    assert all(item.explanation and item.explanation.features for item in features.items)
    assert features.items[0].score == plain.items[0].score
