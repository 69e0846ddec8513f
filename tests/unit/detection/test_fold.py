"""One cause, one incident: symptoms join their root, strangers do not."""

from dataclasses import replace

from recsysops.detection.fold import FoundCause, fold_findings
from recsysops.detection.incidents import describe_cause
from recsysops.vocabulary import Component, Finding

COMPONENTS: dict[str, Component] = {
    "flags": "flags",
    "volume": "traffic",
    "fallback_share": "serving",
    "served_model": "model",
    "score_drift": "model",
    "choice_rank": "model",
}


def finding(audit: str, metric: str, subject: str, **slice_: str) -> Finding:
    blind = metric in ("could_not_judge", "audit_failed")
    return Finding(
        audit=audit,
        finding_id=f"f-{audit}-{metric}-{subject}-{slice_}",
        component="serving" if blind else COMPONENTS.get(audit, "item_features"),
        metric=metric,
        subject=subject,
        slice=slice_,
        baseline=0.4,
        observed=0.0,
        effect=0.4,
        effect_floor=0.1,
        p_value=1e-9,
        alarm=True,
        evidence={"reason": f"{audit} is blind"} if blind else {},
    )


def subjects(*findings: Finding) -> list[tuple[str, str, int]]:
    return [(c.component, c.subject, len(c.findings)) for c in fold_findings(findings)]


CHOICES = finding("choice_rank", "mean_rank_percentile", "choice_rank")
SCORES = finding("score_drift", "mean_shift", "score")
LANGUAGE = finding("feature_drift", "category_vanished", "language", language="ja")


def test_nothing_found_is_nothing_wrong() -> None:
    assert fold_findings([]) == []


def test_scores_and_choices_join_the_input_that_moved_them() -> None:
    assert subjects(CHOICES, SCORES, LANGUAGE) == [("item_features", "language", 3)]


def test_everything_about_one_feature_is_one_incident() -> None:
    nulls = finding("null_default_share", "null_share", "language", source="s-1")
    assert subjects(LANGUAGE, nulls) == [("item_features", "language", 2)]


def test_what_vanished_names_the_cause_before_what_is_missing_and_before_its_slices() -> None:
    missing = finding("null_default_share", "null_share", "language")
    inside = finding("feature_drift", "category_vanished", "language", source="s-1", language="ja")
    [cause] = fold_findings([missing, inside, LANGUAGE])
    assert cause.findings == [LANGUAGE, missing, inside]


def test_two_features_broken_at_once_are_two_incidents() -> None:
    year = finding("null_default_share", "zero_share", "year")
    assert subjects(LANGUAGE, year, CHOICES) == [
        ("item_features", "language", 2),
        ("item_features", "year", 1),
    ]


def test_a_wrong_model_explains_its_blocks_and_fallbacks_but_no_item() -> None:
    model = finding("served_model", "unapproved_model_share", "m-old")
    block = finding("score_drift", "zero_contribution_share", "year")
    fallback = finding("fallback_share", "fallback_share", "vector_mismatch")
    assert subjects(block, fallback, CHOICES, model, LANGUAGE) == [
        ("model", "m-old", 4),
        ("item_features", "language", 1),
    ]


def test_a_lost_block_is_explained_only_by_the_feature_that_feeds_it() -> None:
    lost = finding("score_drift", "zero_contribution_share", "language")
    other = finding("score_drift", "zero_contribution_share", "collaborative")
    assert subjects(lost, LANGUAGE) == [("item_features", "language", 2)]
    assert subjects(other, LANGUAGE) == [
        ("item_features", "language", 1),
        ("model", "collaborative", 1),
    ]


def test_a_lost_block_is_the_root_of_shifted_scores() -> None:
    lost = finding("score_drift", "zero_contribution_share", "year")
    shifted = finding("score_drift", "mean_shift", "genre")
    assert subjects(shifted, SCORES, CHOICES, lost) == [("model", "year", 4)]


def test_an_old_batch_explains_the_old_prices_it_carries_but_no_zeros() -> None:
    stale = finding("stale_batch", "older_batch_share", "batch", source="s-3")
    price = finding("feature_drift", "distribution_ks", "price", source="s-3")
    elsewhere = finding("feature_drift", "distribution_ks", "price", source="s-7")
    zeros = finding("null_default_share", "zero_share", "price")
    assert subjects(price, stale) == [("item_features", "batch", 2)]
    assert len(subjects(elsewhere, stale)) == 2
    assert len(subjects(zeros, stale)) == 2


def test_blindness_is_low_and_joins_lost_traffic_or_its_own_reason() -> None:
    blind = [finding(name, "could_not_judge", name) for name in ("choice_rank", "score_drift")]
    assert subjects(finding("volume", "requests", "home"), *blind) == [("traffic", "home", 3)]
    [one, two] = fold_findings(blind)
    assert (one.severity, two.severity) == ("low", "low")
    late = finding("rank_choices", "audit_failed", "rank_choices")
    assert subjects(blind[0], late) == [("serving", "rank_choices", 2)]
    assert subjects(*blind, LANGUAGE)[0] == ("item_features", "language", 1)


def test_models_that_could_not_be_checked_blind_their_audits_and_no_other() -> None:
    late = finding("check_models", "audit_failed", "check_models")
    fed = [
        finding(name, "could_not_judge", name)
        for name in ("model_profile", "training_serving_skew")
    ]
    other = finding("choice_rank", "could_not_judge", "choice_rank")
    assert subjects(late, *fed, other) == [
        ("serving", "check_models", 3),
        ("serving", "choice_rank", 1),
    ]


def test_an_engine_that_is_down_is_one_incident() -> None:
    failed = [
        Finding(
            **{
                **_fields(finding(name, "audit_failed", name)),
                "evidence": {"reason": "Athena is down"},
            }
        )
        for name in ("volume", "flags", "choice_rank")
    ]
    [cause] = fold_findings(failed)
    assert len(cause.findings) == 3


def _fields(one: Finding) -> dict[str, object]:
    return {name: getattr(one, name) for name in Finding.__slots__}


def test_titles_say_what_changed_in_words() -> None:
    assert describe_cause(FoundCause([LANGUAGE])) == (
        "language 'ja' vanished from the items served: 40.0 % → 0.0 %"
    )
    stale = finding("stale_batch", "older_batch_share", "batch", source="s-3")
    assert "(source s-3)" in describe_cause(FoundCause([stale]))
    blind = finding("volume", "audit_failed", "volume")
    assert describe_cause(FoundCause([blind])) == "audit volume: volume is blind"


def test_ranks_of_what_came_back_name_the_model_although_feedback_fell_too() -> None:
    answered = replace(finding("feedback_loss", "answered_share", "feedback"), effect=0.9)
    plays = finding("slate_quality", "hit_share", "slates")
    found = fold_findings([replace(answered, component="log"), plays, CHOICES])
    assert [(cause.root.audit, len(cause.findings)) for cause in found] == [("choice_rank", 3)]
    alone = fold_findings([replace(answered, component="log"), plays])
    assert [(cause.root.audit, len(cause.findings)) for cause in alone] == [("feedback_loss", 2)]


def test_plays_that_went_elsewhere_name_the_model_although_feedback_fell_too() -> None:
    answered = replace(
        finding("feedback_loss", "answered_share", "feedback"), component="log", effect=0.9
    )
    plays = finding("slate_quality", "hit_share", "slates")
    elsewhere = finding("feedback_rates", "shown_play_share", "shown_play_share")
    found = fold_findings([answered, plays, replace(elsewhere, component="model")])
    assert [(one.root.audit, len(one.findings)) for one in found] == [("feedback_rates", 3)]
    # clicks that get lost alone turn the mix, too: no witness against the feedback
    mix = replace(elsewhere, metric="play_share", subject="play_share", component="model")
    found = fold_findings([answered, plays, mix])
    assert [(one.root.audit, len(one.findings)) for one in found] == [("feedback_loss", 3)]


def test_two_old_models_are_one_gap_in_the_trainings() -> None:
    old = [finding("model_age", "model_age_days", name) for name in ("m-1", "m-1-c")]
    assert len(fold_findings(old)) == 1
    assert "trained long ago" in describe_cause(fold_findings(old)[0])


def test_a_candidate_that_answers_nobody_explains_nothing_that_members_see() -> None:
    waiting = finding("model_profile", "norm", "candidate m-2/genre")
    also = finding("model_profile", "encoded_missing_share", "candidate m-2/genre")
    serving = finding("model_profile", "norm", "genre")
    assert len(fold_findings([waiting, CHOICES])) == 2
    assert len(fold_findings([waiting, also])) == 1
    assert len(fold_findings([waiting, serving])) == 2
