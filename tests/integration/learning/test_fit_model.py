from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from recsysops.learning.fit_model import fit_model, hash_table, pack_model
from recsysops.learning.table import TrainingTable, align_rows
from recsysops.model.artefact import ModelArtefact, unpack_artefact
from recsysops.model.fold_in import fold_in_content
from recsysops.model.interactions import moment_of
from recsysops.simulation.members import SimulatedWorld

from tests.fakes.choices import plain_item, rows_of

WORLD = SimulatedWorld(seed=21, n_members=150, n_items=160)
NEW = plain_item("i-9999", genres=("Comedy",), year=2020, language="fr")
TABLE = align_rows(WORLD.interactions, [*WORLD.items, NEW])


def train(table: TrainingTable = TABLE, *, seed: int = 1, days_earlier: int = 0) -> ModelArtefact:
    as_of = WORLD.end - timedelta(days=days_earlier)
    model = fit_model(table, as_of=as_of, seed=seed)
    files = pack_model(model, table, as_of=as_of, seed=seed, trained_by="test")
    return unpack_artefact(files)


@pytest.fixture(scope="module")
def artefact() -> ModelArtefact:
    return train()


def test_the_same_data_moment_and_seed_give_the_same_model_id(artefact: ModelArtefact) -> None:
    assert train().model_id == artefact.model_id
    assert train(seed=2).model_id != artefact.model_id
    assert train(days_earlier=5).model_id != artefact.model_id


def test_the_manifest_says_what_the_model_was_made_of(artefact: ModelArtefact) -> None:
    manifest = artefact.manifest
    assert manifest.data_hash == hash_table(TABLE)
    assert manifest.trained_at == WORLD.end.isoformat()
    assert len(manifest.popularity) == 3
    assert manifest.metrics["validation_events"] > 100
    assert "language" in manifest.notes["simulated_columns"]


def test_a_new_item_has_content_and_no_collaborative_part(artefact: ModelArtefact) -> None:
    row = artefact.item_ids.tolist().index("i-9999")
    width = artefact.encoder.content_width
    assert artefact.item_matrix[row, :width].tolist() == artefact.encoder.encode(NEW).tolist()
    assert not artefact.item_matrix[row, width:].any()
    assert not artefact.play_counts[row].any()


def test_choices_after_the_moment_change_nothing_but_the_rows_they_are() -> None:
    cut = WORLD.end - timedelta(days=10)
    early = align_rows(WORLD.interactions.before(cut), [*WORLD.items, NEW])
    assert train(early, days_earlier=10).model_id == train(days_earlier=10).model_id


def test_scores_follow_the_true_relevance_of_unseen_items(artefact: ModelArtefact) -> None:
    model = fit_model(TABLE, as_of=WORLD.end, seed=1)
    blend = model.fitted.blend
    scores = model.member_vectors @ model.space.matrix.T + blend.bias(model.play_counts)
    known = [item.item_id for item in WORLD.items]
    truth = WORLD.relevance([TABLE.rows.member_ids[m] for m in model.members], known)
    correlations = [
        np.corrcoef(own[: len(known)], np.log(theirs))[0, 1]
        for own, theirs in zip(scores, truth, strict=True)
    ]
    popularity = [
        np.corrcoef(blend.bias(model.play_counts)[: len(known)], np.log(theirs))[0, 1]
        for theirs in truth
    ]
    assert np.mean(correlations) > 0.5
    assert np.mean(correlations) > np.mean(popularity) + 0.1


def test_members_without_history_get_no_vector() -> None:
    first = TABLE.rows.times[0]
    early = fit_model(TABLE.before(first + 3 * 86_400.0), as_of=WORLD.end, seed=1)
    assert len(early.members) == len(early.member_vectors) < len(TABLE.rows.member_ids)


def test_two_choices_are_enough_for_a_model_that_ranks_by_popularity() -> None:
    rows = rows_of([("a", "x", 0.0), ("b", "x", 1.0)], items=("y",))
    table = align_rows(rows, [plain_item("x"), plain_item("y", year=None, language=None)])
    model = fit_model(table, as_of=moment_of(float(rows.times[-1]) + 60.0), seed=1)
    bias = model.fitted.blend.bias(model.play_counts)
    assert bias[0] > bias[1]
    assert np.isfinite(model.member_vectors).all()


def test_the_manifest_lets_scoring_fold_in_whom_training_has_not_seen(
    artefact: ModelArtefact,
) -> None:
    model, prior = fit_model(TABLE, as_of=WORLD.end, seed=1), artefact.manifest.fold_in
    assert prior is not None
    member = int(model.members[np.argmax(np.bincount(TABLE.rows.members)[model.members])])
    own = TABLE.rows.items[TABLE.rows.members == member]
    width = artefact.encoder.content_width
    folded = fold_in_content(
        artefact.item_matrix[own, :width], prior=prior, encoder=artefact.encoder
    )
    trained = model.member_vectors[model.members.tolist().index(member)]
    genres = slice(0, len(artefact.encoder.genres))
    assert np.corrcoef(folded[genres], trained[genres])[0, 1] > 0.9
    shares = np.array(prior.background)[genres]
    assert np.isclose(shares.sum(), 1.0, atol=0.02)
