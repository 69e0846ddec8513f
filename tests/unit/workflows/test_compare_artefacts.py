"""What a roll-out is told of the model that comes, before it serves anybody."""

from dataclasses import replace

import numpy as np
from recsysops.model.artefact import ModelArtefact
from recsysops.workflows.compare_artefacts import compare_artefacts

from tests.fakes.served_world import make_world

WORLD = make_world(400)
FEATURES = {item.item_id: item for item in WORLD.items}


def _without(artefact: ModelArtefact, name: str) -> ModelArtefact:
    matrix = np.array(artefact.item_matrix)
    [block] = [one for one in artefact.encoder.blocks if one.name == name]
    matrix[:, block.start : block.stop] = 0.0
    return replace(artefact, item_matrix=matrix)


def test_a_model_like_the_one_that_serves_differs_in_nothing() -> None:
    assert compare_artefacts(WORLD.artefact, WORLD.artefact, FEATURES) == ()


def test_a_lost_block_is_told_in_the_words_of_the_incident() -> None:
    told = compare_artefacts(_without(WORLD.artefact, "genre"), WORLD.artefact, FEATURES)
    name = f"candidate {WORLD.artefact.model_id}: "
    assert all(sentence.startswith(name) for sentence in told)
    assert any("genre was trained as missing for more items" in sentence for sentence in told)
