from __future__ import annotations

import json

import numpy as np
import pytest
from recsysops.errors import CouldNotJudge
from recsysops.model.artefact import artefact_key, unpack_artefact
from recsysops.model.packing import pack_vector
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import FeedbackEvent
from recsysops.resolution.logged_window import LoggedWindow, arrange_window
from recsysops.serving.flag_document import build_flag_document, dump_flag_document
from recsysops.vocabulary import Member, SamplingPlan
from recsysops.workflows.preview_hotfix import HotfixPreview, preview_hotfix, vectors_of

from tests.fakes.logged_requests import make_click
from tests.fakes.served_world import (
    NOW,
    ServedWorld,
    make_artefact_files,
    make_vector,
    make_world,
)
from tests.fakes.small_catalogue import make_hotfix

MEMBERS = 5


def serve(world: ServedWorld, count: int = 60) -> ServedWorld:
    for number in range(count):
        world.recommend(request_id=f"r-{number}", member_id=f"m{1 + number % MEMBERS}")
    return world


def click_first(world: ServedWorld) -> list[FeedbackEvent]:
    return [
        make_click(line.request_id, line.shown[0], event_time=NOW, member=line.member)
        for line in world.slim()
    ]


def window_of(world: ServedWorld) -> LoggedWindow:
    return arrange_window(world.full(), world.slim(), click_first(world))


@pytest.fixture(scope="module")
def served() -> ServedWorld:
    return serve(make_world(members=MEMBERS))


def preview(world: ServedWorld, kind: str, params: dict[str, object], **changes) -> HotfixPreview:
    hotfix = make_hotfix(kind, params, expires_at=NOW.replace(year=2027), **changes)
    return preview_hotfix(hotfix, window=window_of(world), catalogues=world.cache)


def test_blocking_an_item_that_all_see_touches_all_of_them(served: ServedWorld) -> None:
    shown = {item for line in served.slim() for item in line.shown}
    found = preview(served, "block_items", {"item_ids": tuple(sorted(shown))})
    assert found.order.requests_touched == pytest.approx(1.0)
    assert found.order.members_touched == found.order.members == MEMBERS
    assert found.order.slots_changed == pytest.approx(1.0)
    assert (found.requests, found.replayed) == (60, len(served.full()))


def test_a_hotfix_that_changes_no_slate_is_worth_exactly_nothing(served: ServedWorld) -> None:
    values = {item.item_id: item.price for item in served.items}
    found = preview(served, "override_feature", {"feature": "price", "values": values})
    assert found.order.requests_touched == 0.0
    assert found.expected is not None
    assert found.expected.difference.value == 0.0
    assert found.expected.now.value == pytest.approx(1_000.0)


def test_too_little_evidence_is_said_and_not_guessed(served: ServedWorld) -> None:
    found = preview(served, "popularity_fallback", {"surface": None})
    assert found.expected is None
    assert found.refusal is not None
    assert found.refusal.startswith("could not judge, because")
    assert found.order.requests_touched > 0.0


def test_members_outside_the_percentage_are_not_touched(served: ServedWorld) -> None:
    nobody = preview(served, "popularity_fallback", {"surface": None}, percent=0.0)
    assert nobody.order.members_touched == 0
    everybody = preview(served, "popularity_fallback", {"surface": None})
    some = preview(served, "popularity_fallback", {"surface": None}, percent=50.0, salt="x")
    assert some.order.members_touched < everybody.order.members_touched


def test_another_surface_is_not_touched(served: ServedWorld) -> None:
    found = preview(served, "popularity_fallback", {"surface": "search"})
    assert found.order.requests_touched == 0.0


def test_unknown_items_are_counted(served: ServedWorld) -> None:
    params = {"block": "genre", "item_ids": ("ghost", served.items[0].item_id)}
    assert preview(served, "mask_feature", params).unknown_items == 1


def test_a_preview_is_json(served: ServedWorld) -> None:
    found = preview(served, "mask_feature", {"block": "genre", "item_ids": None})
    document = json.loads(json.dumps(found.to_document()))
    assert document["hotfix"]["kind"] == "mask_feature"
    assert document["order"]["members"] == MEMBERS
    assert document["trade_off"].endswith(".")


def test_a_hotfix_that_was_active_is_replayed_and_can_be_replaced() -> None:
    """Requests were logged under a fallback: previewing its own update starts from there."""
    world = make_world(members=MEMBERS)
    active = make_hotfix(
        "popularity_fallback", {"surface": None}, expires_at=NOW.replace(year=2027)
    )
    document = build_flag_document([active])
    world.flags.document = document
    world.blobs.put(f"flags/{document.version}.json", dump_flag_document(document).encode())
    serve(world)
    same = preview(world, "popularity_fallback", {"surface": None})
    assert same.order.requests_touched == 0.0
    undone = preview(
        world,
        "popularity_fallback",
        {"surface": "search"},
        hotfix_id=active.hotfix_id,
    )
    assert undone.order.requests_touched == pytest.approx(1.0)


def add_older_model(world: ServedWorld) -> str:
    files = make_artefact_files(world.items, seed=9, trained_by="an earlier test")
    older = unpack_artefact(files)
    for name, body in files.items():
        world.blobs.put(artefact_key(older.model_id, name), body)
    for number in range(1, MEMBERS + 1):
        member = world.members.get(f"m{number}")
        assert member is not None
        packed = pack_vector(make_vector(100 + number), owner=older.owner)
        vectors = {**member.vectors, older.model_id: packed}
        world.members.put_many([Member(member.member_id, vectors, member.seen, member.salt)])
    return older.model_id


def test_a_pinned_model_is_previewed_with_the_vectors_members_have_for_it() -> None:
    world = serve(make_world(members=MEMBERS))
    older = add_older_model(world)
    hotfix = make_hotfix("pin_model", {"model_id": older})
    members = [f"m{number}" for number in range(1, MEMBERS + 1)]
    found = preview_hotfix(
        hotfix,
        window=window_of(world),
        catalogues=world.cache,
        member_vectors=vectors_of([*members, "stranger"], world.members, world.cache),
    )
    assert found.order.requests_touched == pytest.approx(1.0)
    with pytest.raises(CouldNotJudge, match="not at hand"):
        preview_hotfix(hotfix, window=window_of(world), catalogues=world.cache)


def test_vectors_are_found_by_pseudonym_and_model_only() -> None:
    world = make_world(members=1)
    member = world.members.get("m1")
    assert member is not None
    find = vectors_of(["m1"], world.members, world.cache)
    name = pseudonym_of("m1", salt=member.salt)
    vector = find(world.artefact.model_id, name)
    assert vector is not None
    assert np.array_equal(vector, make_vector(1))
    assert find("m-other", name) is None
    assert find(world.artefact.model_id, "nobody") is None


def test_a_model_that_does_not_exist_cannot_be_previewed(served: ServedWorld) -> None:
    hotfix = make_hotfix("pin_model", {"model_id": "m-gone"})
    with pytest.raises(CouldNotJudge, match="a replay failed"):
        preview_hotfix(
            hotfix,
            window=window_of(served),
            catalogues=served.cache,
            member_vectors=lambda model_id, member: make_vector(1),
        )


def test_retimed_traffic_is_judged_by_recorded_choices(served: ServedWorld) -> None:
    full = [record.model_copy(update={"traffic": "re-timed"}) for record in served.full()]
    window = arrange_window(full, served.slim(), click_first(served))
    top = tuple({line.shown[0] for line in served.slim() if line.arm == "greedy"})
    found = preview_hotfix(
        make_hotfix("block_items", {"item_ids": top}), window=window, catalogues=served.cache
    )
    assert found.expected is not None
    assert found.expected.method == "recorded choices"
    assert found.expected.difference.high < 0.0


def test_a_window_without_records_cannot_be_judged() -> None:
    world = make_world(members=1)
    world.flags.plan = SamplingPlan(explore_rate=0.0)
    found = preview(world, "mask_feature", {"block": "genre", "item_ids": None})
    assert found.refusal == "could not judge, because the window has no full record of a slate"
