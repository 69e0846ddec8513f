"""What another model would have shown, from the log alone: real SQL over two models' requests."""

from __future__ import annotations

from dataclasses import replace

from recsysops.serving.what_if_change import parse_changes
from recsysops.vocabulary import ModelPointer
from recsysops.workflows.ask_what_if import ask_what_if, vectors_in_log

from tests.fakes.broken_world import BROKEN, REFERENCE, make_broken_world
from tests.fakes.served_world import make_artefact_files


def test_a_model_that_served_the_member_later_tells_what_it_would_have_shown_before() -> None:
    world = make_broken_world()
    files = make_artefact_files(tuple(world.items.scan()), seed=3)
    other = world.add_model(files, seed=3)
    world.flags.pointer = ModelPointer(production=other)
    world.serve_day(BROKEN, publish=False)
    before, after = world.records(REFERENCE), world.records(BROKEN)
    assert {record.model_id for record in after} == {other}

    changes = parse_changes([f"model={other}"], lambda name: name)
    report = ask_what_if(before, changes, cache=world.cache, find_vector=vectors_in_log(world.lake))
    assert len(report.answered) == len(before)
    served = {record.member: record for record in after}
    compared = 0
    for record, answer in zip(before, report.answered, strict=True):
        later = served[record.member]
        same_inputs = (record.excluded, record.delta_id) == (later.excluded, later.delta_id)
        if same_inputs and record.arm == later.arm == "greedy":
            compared += 1
            moves = [move for move in answer.moves if move.after.slot is not None]
            assert [move.item_id for move in moves] == later.shown
            scores = dict(zip(later.shortlist, later.scores, strict=True))
            assert all(move.after.score == scores[move.item_id] for move in moves)
    assert compared >= 4

    stranger = [replace_member(before[0])]
    (answer,) = ask_what_if(
        stranger, changes, cache=world.cache, find_vector=vectors_in_log(world.lake),
        check_digests=False,
    ).answers  # fmt: skip
    assert "no logged request tells this member's vector" in (answer.refusal or "")
    world.lake.close()


def replace_member(record: object) -> object:
    return record.model_copy(update={"member": "somebody-else"})  # type: ignore[attr-defined]


def test_an_unknown_model_is_refused_before_the_log_is_asked() -> None:
    world = make_broken_world()
    changes = parse_changes(["model=m-nowhere"], lambda name: name)
    changes = tuple(replace(one, percent=1.0) for one in changes)
    report = ask_what_if(
        world.records(REFERENCE)[:1], changes, cache=world.cache,
        find_vector=vectors_in_log(world.lake),
    )  # fmt: skip
    assert "m-nowhere" in (report.answers[0].refusal or "")
    world.lake.close()
