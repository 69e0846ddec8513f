"""The roll-out from the command line: what is deployed, what is said, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

from recsysops.adapters.memory import MemoryRegistry
from recsysops.bootstrap import Ports
from recsysops.serving.roll_out import parse_model_pointer
from recsysops.vocabulary import ModelPointer, Shadow

from tests.fakes.broken_world import BrokenWorld
from tests.unit.cli.conftest import RunCli


def served(ports: Ports) -> ModelPointer:
    return parse_model_pointer(ports.model_deployer.current())


def test_a_shadow_is_deployed_and_ended(
    run_cli: RunCli, ports: Ports, broken_world: BrokenWorld
) -> None:
    production = broken_world.good.model_id
    pointer = ModelPointer("m-serving", previous=production)
    from recsysops.serving.roll_out import dump_model_pointer

    ports.model_deployer.deploy(dump_model_pointer(pointer), strategy="at-once", note="")
    said = run_cli("models", "shadow", production, "--share", "0.2", "--json")
    assert json.loads(said.out)["pointer"]["shadow"] == {"model_id": production, "share": 0.2}
    assert served(ports) == replace(pointer, shadow=Shadow(production, 0.2))
    assert run_cli("models", "shadow").status == 0
    assert served(ports).shadow is None


def test_a_surface_is_given_a_model_and_given_back(
    run_cli: RunCli, ports: Ports, broken_world: BrokenWorld
) -> None:
    from recsysops.serving.roll_out import dump_model_pointer

    own = broken_world.good.model_id
    # the command writes to the registry, which others share
    ports.registry = MemoryRegistry(broken_world.registry.entries())
    pointer = ModelPointer("m-serving", previous=own)
    ports.model_deployer.deploy(dump_model_pointer(pointer), strategy="at-once", note="")
    at_once = ("--strategy", "at-once")
    said = run_cli("models", "serve", "search", own, *at_once)
    assert f"surface search is served by {own}" in said.out
    assert served(ports).surfaces == {"search": own}
    assert run_cli("models", "serve", "search", *at_once).status == 0
    assert served(ports) == pointer
    assert "no model of its own" in run_cli("models", "serve", "search").err


def test_production_cannot_be_its_own_canary(
    run_cli: RunCli, ports: Ports, broken_world: BrokenWorld
) -> None:
    said = run_cli("models", "canary", broken_world.good.model_id, "--percent", "5")
    assert said.status == 2
    assert "is the production model" in said.err
    assert ports.model_deployer.current() == ""


def test_a_typo_is_one_clear_line(run_cli: RunCli, ports: Ports) -> None:
    for command in (["promote", "m-typo"], ["canary", "m-typo"], ["shadow", "m-typo"]):
        said = run_cli("models", *command)
        assert (said.status, said.out) == (2, "")
        assert "no model 'm-typo' in the registry" in said.err
    assert "no canary runs" in run_cli("models", "promote").err
    assert "nothing to take back" in run_cli("models", "rollback").err


def test_a_comparison_without_evidence_refuses_in_words(
    run_cli: RunCli, ports: Ports, broken_world: BrokenWorld
) -> None:
    model_id, window = broken_world.good.model_id, ("--from", "2026-03-01", "--to", "2026-03-04")
    found = json.loads(run_cli("models", "compare", model_id, *window, "--json").out)
    assert found["shadow_requests"] == 0
    assert len(found["refusals"]) == 4
    assert "refused: " in run_cli("models", "compare", model_id, *window).out
    assert "no model 'm-2' in the registry" in run_cli("models", "compare", "m-2", *window).err
