from __future__ import annotations

from collections.abc import Mapping

import pytest
from recsysops.adapters.memory import MemoryBlobs
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.errors import ConflictError, FlagError, NotFound
from recsysops.serving.flag_document import (
    LAST_GOOD_KEY,
    build_flag_document,
    dump_flag_document,
    flag_document_key,
    parse_flag_document,
)
from recsysops.vocabulary import FlagDocument, Hotfix
from recsysops.workflows.deploy_hotfix import (
    DeployedHotfixes,
    HotfixChange,
    HotfixPorts,
    confirm_deployed,
    deploy_hotfix,
    kill_hotfixes,
    undo_hotfix,
)

from tests.fakes.served_world import NOW, ServedWorld, make_world
from tests.fakes.small_catalogue import make_hotfix

EMPTY = build_flag_document()
AT_ONCE = HotfixChange(operator="ada", now=NOW, strategy="at-once")
STAGED = HotfixChange(operator="ada", now=NOW, strategy="staged")


def fix(kind: str = "mask_feature", params: dict[str, object] | None = None, **changes) -> Hotfix:
    changes.setdefault("expires_at", NOW.replace(day=NOW.day + 1))
    return make_hotfix(kind, params or {"block": "year", "item_ids": None}, **changes)


@pytest.fixture
def ports() -> HotfixPorts:
    return HotfixPorts(MemoryConfigDeployer(), MemoryBlobs(), MemoryTrail())


def deploy(ports: HotfixPorts, hotfix: Hotfix, change: HotfixChange = AT_ONCE) -> DeployedHotfixes:
    return deploy_hotfix(
        hotfix, ports=ports, change=change, known_items={"i1", "i2", "i3"}, known_models={"m-1"}
    )


def test_a_deployed_hotfix_is_served_kept_for_replay_and_recorded(ports: HotfixPorts) -> None:
    done = deploy(ports, fix())
    assert parse_flag_document(ports.deployer.current()).hotfixes == (fix(),)
    stored = ports.blobs.get(flag_document_key(done.version)).decode()
    assert parse_flag_document(stored).version == done.version
    (row,) = ports.trail.rows
    assert row["operator"] == "ada"
    assert row["action"] == "deploy"
    assert row["previous_version"] == EMPTY.version
    assert row["hotfix_ids"] == fix().hotfix_id


def last_good(ports: HotfixPorts) -> FlagDocument:
    return parse_flag_document(ports.blobs.get(LAST_GOOD_KEY).decode())


def test_a_document_that_is_still_being_rolled_out_is_not_the_last_good_one(
    ports: HotfixPorts,
) -> None:
    first = deploy(ports, fix())
    assert last_good(ports) == first.document
    second = deploy(ports, fix("block_items", {"item_ids": ("i1",)}), STAGED)
    assert not confirm_deployed(ports)
    assert last_good(ports) == first.document
    ports.deployer.finish()
    assert confirm_deployed(ports)
    assert last_good(ports) == second.document


def test_a_roll_out_that_was_stopped_never_becomes_the_last_good_document(
    ports: HotfixPorts,
) -> None:
    first = deploy(ports, fix())
    deploy(ports, fix("block_items", {"item_ids": ("i1",)}), STAGED)
    ports.deployer.stop()
    assert not confirm_deployed(ports)
    assert last_good(ports) == first.document


def test_the_next_change_confirms_what_was_completed_before_it(ports: HotfixPorts) -> None:
    first = deploy(ports, fix(), STAGED)
    assert LAST_GOOD_KEY not in ports.blobs.list_keys("flags/")
    ports.deployer.finish()
    deploy(ports, fix("block_items", {"item_ids": ("i1",)}), STAGED)
    assert last_good(ports) == first.document


def test_after_the_kill_switch_the_last_good_document_is_the_empty_one(ports: HotfixPorts) -> None:
    deploy(ports, fix(), STAGED)
    kill_hotfixes(ports=ports, change=AT_ONCE, sleep=lambda _: None)
    assert last_good(ports) == EMPTY


def test_an_invalid_hotfix_changes_nothing(ports: HotfixPorts) -> None:
    with pytest.raises(FlagError, match="ghost"):
        deploy(ports, fix("block_items", {"item_ids": ("ghost",)}))
    assert ports.deployer.current() == ""
    assert ports.blobs.list_keys("flags/") == []
    assert ports.trail.rows == []


def test_undo_deploys_exactly_the_document_from_before(ports: HotfixPorts) -> None:
    deploy(ports, fix())
    before = ports.deployer.current()
    second = fix("block_items", {"item_ids": ("i1",)})
    deploy(ports, second)
    undo_hotfix(second.hotfix_id, ports=ports, change=AT_ONCE)
    assert ports.deployer.current() == before
    with pytest.raises(NotFound):
        undo_hotfix(second.hotfix_id, ports=ports, change=AT_ONCE)


def test_two_operators_cannot_overwrite_each_other(ports: HotfixPorts) -> None:
    seen = EMPTY.version
    deploy(ports, fix(), HotfixChange("ada", NOW, "at-once", expected_version=seen))
    other = fix("block_items", {"item_ids": ("i1",)})
    with pytest.raises(ConflictError, match="somebody else"):
        deploy(ports, other, HotfixChange("bob", NOW, "at-once", expected_version=seen))
    assert parse_flag_document(ports.deployer.current()).hotfixes == (fix(),)


def test_while_a_staged_deployment_runs_a_second_one_is_refused(ports: HotfixPorts) -> None:
    deploy(ports, fix(), STAGED)
    with pytest.raises(ConflictError, match="running"):
        deploy(ports, fix("block_items", {"item_ids": ("i1",)}), STAGED)


class Overtaken(MemoryConfigDeployer):
    """Another operator deploys between our reading and our deployment."""

    def status(self) -> Mapping[str, str]:
        seen = super().status()
        super().deploy(dump_flag_document(EMPTY), strategy="at-once", note="somebody else")
        return seen


def test_a_deployment_that_slipped_in_between_is_noticed_and_ours_stopped() -> None:
    ports = HotfixPorts(Overtaken(), MemoryBlobs(), MemoryTrail())
    with pytest.raises(ConflictError, match="between 0 and 2"):
        deploy(ports, fix(), STAGED)
    assert ports.deployer.current() == dump_flag_document(EMPTY)


def test_the_kill_switch_stops_a_running_deployment_and_serves_no_hotfix(
    ports: HotfixPorts,
) -> None:
    deploy(ports, fix(), AT_ONCE)
    deploy(ports, fix("block_items", {"item_ids": ("i1",)}), STAGED)
    assert ports.deployer.status()["state"] == "DEPLOYING"
    done = kill_hotfixes(ports=ports, change=AT_ONCE, sleep=lambda _: None)
    assert ports.deployer.status() == {
        "deployment_id": done.deployment_id,
        "state": "COMPLETE",
        "percent": "100",
    }
    assert parse_flag_document(ports.deployer.current()) == EMPTY
    assert ports.blobs.get(flag_document_key(EMPTY.version))
    assert ports.trail.rows[-1]["action"] == "kill"


def test_the_kill_switch_works_when_nothing_runs_and_when_the_document_is_broken(
    ports: HotfixPorts,
) -> None:
    ports.deployer.deploy("{garbage", strategy="at-once", note="by hand")
    with pytest.raises(FlagError, match="kill switch"):
        deploy(ports, fix())
    kill_hotfixes(ports=ports, change=AT_ONCE, sleep=lambda _: None)
    assert parse_flag_document(ports.deployer.current()) == EMPTY


class SlowToStop(MemoryConfigDeployer):
    """AppConfig rolls back for a while: deployments conflict until it is done."""

    waits = 3

    def deploy(self, document, *, strategy, note) -> str:
        if self.waits:
            self.waits -= 1
            raise ConflictError("rolling back")
        return super().deploy(document, strategy=strategy, note=note)


def test_the_kill_switch_waits_for_a_roll_back_to_settle() -> None:
    ports = HotfixPorts(SlowToStop(), MemoryBlobs(), MemoryTrail())
    pauses: list[float] = []
    kill_hotfixes(ports=ports, change=AT_ONCE, sleep=pauses.append)
    assert len(pauses) == 3
    stubborn = HotfixPorts(SlowToStop(), MemoryBlobs(), MemoryTrail())
    with pytest.raises(ConflictError, match="did not stop in 2 attempts"):
        kill_hotfixes(ports=stubborn, change=AT_ONCE, sleep=pauses.append, attempts=2)


def serve_what_is_deployed(world: ServedWorld) -> HotfixPorts:
    def serve(text: str) -> None:
        world.flags.document = parse_flag_document(text)

    return HotfixPorts(MemoryConfigDeployer(on_content=serve), world.blobs, MemoryTrail())


def order_of(world: ServedWorld, number: int) -> tuple[str, ...]:
    """Greedy order served to a member (request ids whose hash does not explore)."""
    world.recommend(request_id=f"greedy-{number}")
    return tuple(world.full()[-1].shortlist)


def test_a_deployed_override_changes_the_served_order_and_its_undo_restores_it() -> None:
    """A flag reader that returned no flags would fail here."""
    world = make_world()
    ports = serve_what_is_deployed(world)
    before = order_of(world, 1)
    language = {"feature": "language", "values": dict.fromkeys(before[:30], None)}
    known = {item.item_id for item in world.items}
    override = fix("override_feature", language)
    deploy_hotfix(override, ports=ports, change=AT_ONCE, known_items=known, known_models=())
    assert order_of(world, 2) != before
    assert world.slim()[-1].hotfix_ids == [override.hotfix_id]
    undo_hotfix(override.hotfix_id, ports=ports, change=AT_ONCE)
    assert order_of(world, 3) == before


def test_a_deployed_block_takes_the_item_out_of_every_slate() -> None:
    world = make_world()
    ports = serve_what_is_deployed(world)
    top = order_of(world, 1)[0]
    known = {item.item_id for item in world.items}
    block = fix("block_items", {"item_ids": (top,)})
    deploy_hotfix(block, ports=ports, change=AT_ONCE, known_items=known, known_models=())
    assert top not in order_of(world, 2)


def test_members_outside_the_percentage_keep_their_order() -> None:
    world = make_world()
    ports = serve_what_is_deployed(world)
    before = order_of(world, 1)
    known = {item.item_id for item in world.items}
    nobody = fix("popularity_fallback", {"surface": None}, percent=0.0)
    deploy_hotfix(nobody, ports=ports, change=AT_ONCE, known_items=known, known_models=())
    assert order_of(world, 2) == before
    assert world.slim()[-1].hotfix_ids == []
