"""What-if questions over a served world: the answer is what would have been served."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryBlobs, MemoryMembers
from recsysops.errors import NotFound
from recsysops.model.artefact import artefact_key, unpack_artefact
from recsysops.model.catalogue import Catalogue
from recsysops.model.packing import pack_vector
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import FullRequest
from recsysops.serving.flag_document import (
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.serving.what_if_change import parse_changes
from recsysops.vocabulary import Hotfix
from recsysops.workflows.ask_what_if import (
    Answer,
    ask_what_if,
    explain_requests,
    find_hotfix_document,
    vectors_in_table,
)

from tests.fakes.served_world import (
    NOW,
    ServedWorld,
    make_artefact_files,
    make_vector,
    make_world,
)
from tests.fakes.small_catalogue import make_hotfix


def nowhere(record: FullRequest, catalogue: Catalogue) -> None:
    """The log knows no vector of another model."""
    del record, catalogue


def served(count: int = 1) -> tuple[ServedWorld, list[FullRequest]]:
    world = make_world(80)
    for number in range(count):
        world.recommend(f"r-{number}", f"m{1 + number % 5}", limit=5)
    return world, world.full()


def deploy(world: ServedWorld, *hotfixes: Hotfix) -> None:
    later = NOW + timedelta(days=1)
    document = build_flag_document([replace(one, expires_at=later) for one in hotfixes])
    world.flags.document = document
    world.blobs.put(flag_document_key(document.version), dump_flag_document(document).encode())


def changes(*texts: str) -> tuple[Hotfix, ...]:
    return parse_changes(list(texts), lambda name: name)


def ask(
    world: ServedWorld, records: list[FullRequest], *texts: str, check_digests: bool = True
) -> tuple[Answer, ...]:
    return ask_what_if(
        records, changes(*texts), cache=world.cache, find_vector=nowhere,
        check_digests=check_digests,
    ).answers  # fmt: skip


def test_the_answer_is_what_would_have_been_served() -> None:
    world, records = served()
    first, second = records[0].shown[:2]
    (answer,) = ask(world, records, f"feature={first}:language=null",
                    f"feature={second}:genres=null")  # fmt: skip
    deploy(
        world,
        *(replace(one, expires_at=NOW + timedelta(days=1))
          for one in changes(f"feature={first}:language=null", f"feature={second}:genres=null")),
    )  # fmt: skip
    world.recommend("r-0", "m1", limit=5)
    again = world.full()[-1]
    assert answer.what_if is not None
    shown = [move.item_id for move in answer.what_if.moves if move.after.slot is not None]
    assert shown == again.shown
    scores = {move.item_id: move.after.score for move in answer.what_if.moves}
    for item_id, score in zip(again.shortlist, again.scores, strict=True):
        assert scores.get(item_id, score) == score


def test_changes_stand_on_top_of_the_hotfixes_of_the_request() -> None:
    world = make_world(80)
    deploy(world, make_hotfix("block_items", {"item_ids": ("i0005", "i0006")}))
    world.recommend("r-0", "m1", limit=5)
    record = world.full()[0]
    (answer,) = ask(world, [record], f"feature={record.shown[0]}:year=null")
    assert answer.what_if is not None
    assert not {"i0005", "i0006"} & {move.item_id for move in answer.what_if.moves}


def add_model(world: ServedWorld) -> str:
    """Another artefact of the same items, which never served."""
    files = make_artefact_files(world.items, seed=9)
    other = unpack_artefact(files)
    for name, body in files.items():
        world.blobs.put(artefact_key(other.model_id, name), body)
    return other.model_id


def test_another_model_needs_a_vector_and_says_so() -> None:
    world, records = served()
    other = add_model(world)
    (answer,) = ask(world, records, f"model={other}")
    assert answer.what_if is None
    assert "no logged request tells this member's vector for " + other in (answer.refusal or "")


def test_another_model_ranks_with_the_vector_that_is_found() -> None:
    world, records = served()
    other = add_model(world)
    asked: list[tuple[str, str]] = []

    def find(record: FullRequest, catalogue: Catalogue) -> np.ndarray:
        asked.append((record.member, catalogue.model_id))
        return make_vector(77)

    (answer,) = ask_what_if(
        records, changes(f"model={other}"), cache=world.cache, find_vector=find
    ).answers
    assert asked == [(records[0].member, other)]
    assert answer.what_if is not None
    assert answer.what_if.is_changed


def test_a_cold_member_needs_no_vector_for_another_model() -> None:
    world = make_world(80)
    world.recommend("r-0", "nobody", limit=5)
    (answer,) = ask(world, world.full(), f"model={add_model(world)}")
    assert answer.what_if is not None


def test_members_are_asked_only_when_the_log_has_no_vector() -> None:
    world, records = served()
    other = add_model(world)
    packed = pack_vector(make_vector(5), owner=world.cache.artefact(other).owner)
    members = [
        replace(member, vectors={**member.vectors, other: packed})
        for member in world.members.scan()
    ]
    table = MemoryMembers(members)
    catalogue = world.cache.load(other, world.delta_id)
    find = vectors_in_table(table, world.cache, before=nowhere)
    assert np.array_equal(find(records[0], catalogue), make_vector(5))
    stranger = records[0].model_copy(update={"member": pseudonym_of("x", salt="y")})
    assert find(stranger, catalogue) is None
    logged = vectors_in_table(table, world.cache, before=lambda record, catalogue: make_vector(6))
    assert np.array_equal(logged(records[0], catalogue), make_vector(6))


def test_changed_inputs_are_refused_and_answered_only_when_asked() -> None:
    world, records = served()
    record = records[0].model_copy(update={"limit": 4})
    (refused,) = ask(world, [record], "feature=i0001:year=null")
    assert "changed after logging" in (refused.refusal or "")
    (answered,) = ask(world, [record], "feature=i0001:year=null", check_digests=False)
    assert answered.what_if is not None


def test_a_request_that_does_not_repeat_is_no_ground_for_a_question() -> None:
    world, records = served()
    record = records[0].model_copy(update={"shown": records[0].shown[::-1]})
    (answer,) = ask(world, [record], "feature=i0001:year=null")
    assert answer.refusal == "could not judge, because its own replay differs in shown"


def test_a_model_that_is_not_there_is_said_and_the_others_are_answered() -> None:
    world, records = served(2)
    answers = ask(world, records, "model=m-nowhere")
    assert all("m-nowhere" in (answer.refusal or "") for answer in answers)
    assert len(answers) == 2


def test_items_that_no_snapshot_holds_are_counted() -> None:
    world, records = served()
    (answer,) = ask(world, records, "feature=i9999:year=1990")
    assert answer.unknown_items == 1
    assert answer.what_if is not None
    assert not answer.what_if.is_changed


def test_a_report_sums_up_who_entered_and_left() -> None:
    world, records = served(5)
    item = records[0].shown[0]
    report = ask_what_if(
        records, (make_hotfix("block_items", {"item_ids": (item,)}),), cache=world.cache,
        find_vector=nowhere,
    )  # fmt: skip
    found = report.summarise()
    touched = sum(item in record.shown for record in records)
    assert (found["requests"], found["answered"], found["refused"]) == (5, 5, 0)
    assert found["changed"] == touched > 0
    assert found["left"][item] == touched  # type: ignore[index]
    assert found["mean_score_change"] == 0.0


def test_explanations_come_from_the_requests_own_replay() -> None:
    world, records = served(2)
    broken = records[1].model_copy(update={"scores": records[1].scores[::-1]})
    told, refused = explain_requests([records[0], broken], cache=world.cache)
    assert told.explanation is not None
    assert [one.item_id for one in told.explanation.items] == records[0].shown
    assert refused.refusal == "could not judge, because its own replay differs in scores"


def test_a_hotfix_is_found_by_id_in_what_was_ever_deployed() -> None:
    one, two = (
        replace(make_hotfix("block_items", {"item_ids": (item,)}), hotfix_id=f"fix-{item}")
        for item in ("i1", "i2")
    )
    document = build_flag_document([one, two])
    blobs = MemoryBlobs(
        {
            "flags/aaaa.json": b"nonsense",
            flag_document_key(document.version): dump_flag_document(document).encode(),
        }
    )
    (found,) = parse_changes(["hotfix=fix-i2"], lambda name: find_hotfix_document(blobs, name))
    assert found == two
    with pytest.raises(NotFound, match="fix-i3"):
        find_hotfix_document(blobs, "fix-i3")
