"""A small world served by the deployed functions, each under its own role, IAM enforced."""

# ruff: noqa: S608 - the tests write their own SQL

import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from recsysops.adapters.aws_clients import make_client
from recsysops.bootstrap import Ports
from recsysops.model.artefact import artefact_key, unpack_artefact
from recsysops.model.packing import pack_vector
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.serving.roll_out import (
    assign_arm,
    dump_model_pointer,
    dump_sampling_plan,
    parse_sampling_plan,
)
from recsysops.settings import settings_from_outputs
from recsysops.vocabulary import (
    Canary,
    ItemFeatures,
    Member,
    ModelEntry,
    ModelPointer,
    SamplingPlan,
    Shadow,
)
from recsysops.workflows.approved_models import models_in_service
from recsysops.workflows.roll_out_model import (
    RollOutChange,
    RollOutPorts,
    roll_back,
    serve_surface,
    start_canary,
    start_shadow,
)

from tests.fakes.served_world import make_artefact_files, make_items, make_vector
from tests.integration.laptop.conftest import Deployed
from tests.integration.laptop.scenes import fetch_token, query, send

pytestmark = pytest.mark.laptop

MEMBERS = ("m1", "m2", "m3")
LAUNCH = "i0123"
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class World:
    """A served stage and what was put into it."""

    deployed: Deployed
    ports: Ports
    items: tuple[ItemFeatures, ...]
    tokens: dict[str, str]
    model_id: str

    def post(self, path: str, body: object, *, scope: str) -> tuple[int, dict[str, object]]:
        headers = {
            "Authorization": f"Bearer {self.tokens[scope]}",
            "Content-Type": "application/json",
        }
        url = self.deployed.outputs["api_url"] + path
        status, text = send(url, headers=headers, body=json.dumps(body))
        return status, json.loads(text)

    def recommend(self, member_id: str = "m1", **body: object) -> dict[str, object]:
        status, answer = self.post(
            "/v1/recommendations", {"member_id": member_id, **body}, scope="recommend"
        )
        assert status == 200, answer
        return answer

    def ask(self, sql: str) -> list[list[str | None]] | str:
        outputs = self.deployed.outputs
        return query(
            outputs["endpoint"],
            sql,
            database=outputs["glue_database"],
            workgroup=outputs["athena_workgroup"],
        )


@pytest.fixture(scope="module")
def world(guarded: Deployed) -> World:
    """Train nothing: a hand-made artefact, its items and three members, deployed and published."""
    ports = Ports(settings_from_outputs(guarded.layout.outputs))
    items = launched_yesterday(make_items(300), LAUNCH)
    files = make_artefact_files(items)
    artefact = unpack_artefact(files)
    for name, body in files.items():
        ports.blobs.put(artefact_key(artefact.model_id, name), body)
    ports.registry.put(ModelEntry(artefact.model_id, "production", datetime.now(UTC)))
    ports.items.put_many(items)
    ports.members.put_many(
        Member(
            member_id,
            vectors={artefact.model_id: pack_vector(make_vector(1), owner=artefact.owner)},
            seen=(items[0].item_id,),
            salt=f"salt-{member_id}",
        )
        for member_id in MEMBERS
    )
    pointer = dump_model_pointer(ModelPointer(artefact.model_id))
    ports.model_deployer.deploy(pointer, strategy="at-once", note="a test")
    plan = SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.0)
    ports.sampling_deployer.deploy(dump_sampling_plan(plan), strategy="at-once", note="a test")
    ports.calls.call(guarded.outputs["publish_delta_function"], {})
    scopes = ("recommend", "feedback")
    tokens = {scope: fetch_token(guarded.outputs, scope=scope) for scope in scopes}
    world = World(guarded, ports, items, tokens, artefact.model_id)
    await_truth(lambda: world.recommend()["status"] == "ok", "the published world is served")
    return world


def launched_yesterday(items: tuple[ItemFeatures, ...], item_id: str) -> tuple[ItemFeatures, ...]:
    """Return the items, of which this one launched yesterday."""
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    return tuple(replace(i, launch_date=day) if i.item_id == item_id else i for i in items)


def await_truth(claim, says: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        assert time.monotonic() < deadline, f"it never came true that {says}"
        time.sleep(0.1)


def test_a_known_member_is_served_by_the_deployed_model(world: World) -> None:
    answer = world.recommend("m2", limit=5)
    assert (answer["status"], answer["model_id"]) == ("ok", world.model_id)
    assert len(answer["items"]) == 5


def test_an_unknown_member_is_served_with_a_reason(world: World) -> None:
    answer = world.recommend("nobody")
    assert len(answer["items"]) == 10
    assert answer["fallback_reason"]


def test_every_request_leaves_a_slim_line_and_a_full_record_in_the_lake(world: World) -> None:
    ids = {str(world.recommend(member)["request_id"]) for member in MEMBERS}
    listed = ", ".join(f"'{request_id}'" for request_id in ids)

    def logged(table: str) -> bool:
        rows = world.ask(f"SELECT request_id FROM {table} WHERE request_id IN ({listed})")
        assert isinstance(rows, list), rows
        return {row[0] for row in rows} == ids

    await_truth(lambda: logged("slim_requests"), "slim lines arrive")
    await_truth(lambda: logged("full_requests"), "full records arrive")


def play(
    world: World, shown: dict[str, object], *, event_id: str, member_id: str, position: int
) -> str:
    """Report that the member played the item at this position (0 is the best)."""
    item_id = str(shown["items"][position]["item_id"])
    event = {
        "event_id": event_id,
        "request_id": shown["request_id"],
        "member_id": member_id,
        "item_id": item_id,
        "kind": "play",
    }
    status, answer = world.post("/v1/feedback", {"events": [event]}, scope="feedback")
    assert (status, answer["events"][0]["status"]) == (200, "accepted")
    return item_id


def test_feedback_is_in_the_lake_before_the_answer(world: World) -> None:
    chosen = play(world, world.recommend("m3"), event_id="e-1", member_id="m3", position=0)
    assert world.ask("SELECT item_id FROM feedback WHERE event_id = 'e-1'") == [[chosen]]
    assert chosen not in {found["item_id"] for found in world.recommend("m3")["items"]}


def test_an_upstream_change_of_an_item_reaches_the_scorers_by_the_stream(world: World) -> None:
    before = world.recommend()["delta_id"]
    changed = world.items[7]
    world.ports.items.put_many(
        [ItemFeatures(**{**{f: getattr(changed, f) for f in changed.__slots__}, "language": "ja"})]
    )
    await_truth(lambda: world.recommend()["delta_id"] != before, "scorers load the new snapshot")
    rows = world.ask(
        f"SELECT DISTINCT language FROM item_snapshots WHERE item_id = '{changed.item_id}'"
        f" AND delta_id = '{world.recommend()['delta_id']}'"
    )
    assert rows == [["ja"]]


def test_a_choice_is_ranked_from_the_log(world: World) -> None:
    shown = world.recommend("m2")
    chosen = play(world, shown, event_id="e-ranked", member_id="m2", position=2)
    sql = f"SELECT rank, eligible FROM choice_ranks WHERE request_id = '{shown['request_id']}'"
    now = datetime.now(UTC)
    window = {
        "window_start": (now - timedelta(hours=1)).isoformat(),
        "window_end": (now + timedelta(hours=1)).isoformat(),
    }

    def ranked() -> bool:
        world.ports.calls.call(world.deployed.outputs["rank_choices_function"], window)
        return world.ask(sql) != []

    await_truth(ranked, f"the choice of {chosen} is ranked")
    assert world.ask(sql) == [["3", "true"]]


def test_a_launch_is_ranked_from_the_log_whether_it_is_shown_or_not(world: World) -> None:
    delta_id = world.recommend()["delta_id"]
    now = datetime.now(UTC)
    window = {"window_start": (now - timedelta(hours=1)).isoformat(),
              "window_end": (now + timedelta(hours=1)).isoformat()}  # fmt: skip
    sql = (
        "SELECT requests, age_days, rank_percentile FROM launch_ranks "
        f"WHERE item_id = '{LAUNCH}' ORDER BY event_time DESC"
    )

    def ranked() -> bool:
        world.ports.calls.call(world.deployed.outputs["rank_choices_function"], window)
        return world.ask(sql) != []

    await_truth(ranked, "the launch has a row")
    requests, age, percentile = world.ask(sql)[0]
    assert (int(requests) >= 1, int(age)) in {(True, 1), (True, 2)}, "2: midnight has passed"
    catalogue = world.ports.catalogues.load(world.model_id, str(delta_id))
    scores = catalogue.matrix @ make_vector(1) + catalogue.bias
    expected = float(np.mean(scores > scores[catalogue.row_of[LAUNCH]]))
    # what members have seen is not ranked, and plays of this stage move the popularity
    assert float(percentile) == pytest.approx(expected, abs=0.05)


def roll_out_ports(world: World) -> RollOutPorts:
    ports = world.ports
    return RollOutPorts(
        ports.model_deployer, ports.registry, ports.catalogues, ports.members, ports.trail
    )


def salt_with_both_arms(names: dict[str, str]) -> str:
    """Return a salt under which some of the members are canary and some control."""
    for number in range(100):
        arms = {assign_arm(Canary("m", 50.0, f"r-{number}"), name) for name in names.values()}
        if len(arms) == 2:
            return f"r-{number}"
    raise AssertionError("one of a hundred salts divides three members")


def release_another(world: World, *, seed: int) -> str:
    """Store a model that fits the snapshot, with a vector of every member; return its id."""
    files = make_artefact_files(world.items, seed=seed)
    other = unpack_artefact(files)
    for name, body in files.items():
        world.ports.blobs.put(artefact_key(other.model_id, name), body)
    world.ports.registry.put(ModelEntry(other.model_id, "candidate", datetime.now(UTC)))
    members = [world.ports.members.get(member_id) for member_id in MEMBERS]
    packed = pack_vector(make_vector(2), owner=other.owner)
    world.ports.members.put_many(
        replace(member, vectors={**member.vectors, other.model_id: packed})
        for member in members
        if member is not None
    )
    return other.model_id


def test_a_surface_gets_a_model_of_its_own_by_the_deployed_document_and_gives_it_back(
    world: World,
) -> None:
    own = release_another(world, seed=7)
    ports, now = roll_out_ports(world), datetime.now(UTC)
    serve_surface("search", own, ports=ports, change=RollOutChange("a test", now, "at-once"))

    def served() -> dict[str, object]:
        return {s: world.recommend(surface=s)["model_id"] for s in ("home", "search")}

    apart = {"home": world.model_id, "search": own}
    await_truth(lambda: served() == apart, "the surface is served by its own model")
    assert own in models_in_service(world.ports.registry), "what audits hold to be approved"
    sql = (
        "SELECT DISTINCT surface, model_id FROM full_requests "
        f"WHERE surface = 'search' AND model_id = '{own}'"
    )
    await_truth(lambda: world.ask(sql) == [["search", own]], "the log names the model")
    later = RollOutChange("a test", now + timedelta(seconds=1), "at-once")
    serve_surface("search", None, ports=ports, change=later)
    await_truth(lambda: set(served().values()) == {world.model_id}, "production serves all")


def test_a_search_for_similar_items_leaves_a_line_of_its_own_in_the_lake(world: World) -> None:
    query = {"features": {"genres": ["Drama"]}, "limit": 3}
    status, answer = world.post("/v1/similar", query, scope="recommend")
    assert status == 200, answer
    sql = (
        "SELECT surface, cardinality(shown) FROM similar_requests "
        f"WHERE request_id = '{answer['request_id']}'"
    )
    await_truth(lambda: world.ask(sql) == [["similar", "3"]], "the search is in the log")


def test_a_canary_and_its_shadow_come_and_go_by_the_deployed_document(world: World) -> None:
    other = release_another(world, seed=5)
    names = {m: pseudonym_of(m, salt=f"salt-{m}") for m in MEMBERS}
    canary = Canary(other, 50.0, salt_with_both_arms(names))
    expected = {
        m: other if (arm := assign_arm(canary, name)) and arm.arm == "canary"
        else world.model_id
        for m, name in names.items()
    }  # fmt: skip
    ports, now = roll_out_ports(world), datetime.now(UTC)
    start_canary(canary, ports=ports, change=RollOutChange("a test", now, "at-once"))
    later = RollOutChange("a test", now + timedelta(seconds=1), "at-once")
    start_shadow(Shadow(other, 1.0), ports=ports, change=later)

    def served() -> dict[str, object]:
        return {member: world.recommend(member)["model_id"] for member in MEMBERS}

    await_truth(lambda: served() == expected, "each member gets the model of the arm")
    # other tests of this stage write to the table, too
    sql = (
        "SELECT DISTINCT model_id, shadow_model_id FROM shadow_requests "
        f"WHERE shadow_model_id = '{other}'"
    )
    both = [[world.model_id, other]]
    await_truth(lambda: bool(served()) and world.ask(sql) == both, "the shadow of the control")
    roll_back(ports=ports, change=replace(later, now=now + timedelta(seconds=2)))
    await_truth(lambda: set(served().values()) == {world.model_id}, "the canary has ended")


def test_sampling_is_planned_and_deployed_by_the_function_under_its_own_role(world: World) -> None:
    functions = make_client("lambda", world.ports.settings).list_functions()["Functions"]
    (name,) = (f["FunctionName"] for f in functions if "PlanSampling" in f["FunctionName"])
    world.recommend("m1")
    window = {"window_end": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    planned = world.ports.calls.call(name, window)
    plan = parse_sampling_plan(world.ports.sampling_deployer.current())
    assert planned["deployment_id"]
    assert 0.0 < float(str(planned["expected_rows"])) <= float(str(planned["budget_rows"]))
    assert set(plan.stratum_rates.values()) == {1.0}, "so little traffic is logged as a whole"
    assert plan.explore_rate == 0.0, "what others decided is kept"


def test_the_stage_says_that_it_is_well(world: World) -> None:
    status, body = send(world.deployed.outputs["api_url"] + "/health", method="GET")
    assert status == 200, body
