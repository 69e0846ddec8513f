"""The rules by which an audit says whose findings make its own."""

import pytest
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.declaration import DEEPEST, Audit
from recsysops.detection.roots import ANYTHING, Root
from recsysops.vocabulary import Finding


def finding(audit: str, metric: str, subject: str, **slice_: str) -> Finding:
    return Finding(
        audit=audit,
        finding_id="f-1",
        component="item_features",
        metric=metric,
        subject=subject,
        slice=slice_,
        baseline=0.0,
        observed=1.0,
        effect=1.0,
        effect_floor=0.1,
        p_value=0.0,
        alarm=True,
    )


OLD = finding("stale_batch", "older_batch_share", "batch", source="s-3")
PRICE = finding("feature_drift", "distribution_ks", "price", source="s-3")


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (Root("stale_batch"), True),
        (Root("item_features"), True),
        (Root(ANYTHING), True),
        (Root("volume"), False),
        (Root(ANYTHING, metrics=("distribution_ks",)), True),
        (Root(ANYTHING, metrics=("distribution_js",)), False),
        (Root(ANYTHING, subjects=("price",)), True),
        (Root(ANYTHING, subjects=("year",)), False),
        (Root(ANYTHING, root_metrics=("older_batch_share",)), True),
        (Root(ANYTHING, root_metrics=("lagging_batch_share",)), False),
        (Root(ANYTHING, root_subjects=("batch",)), True),
        (Root(ANYTHING, root_subjects=("year",)), False),
        (Root(ANYTHING, same_subject=True), False),
        (Root(ANYTHING, same_slice=True), True),
        (Root(ANYTHING, feeds={"batch": "price"}), True),
        (Root(ANYTHING, feeds={"batch": "year"}), False),
    ],
)
def test_every_part_of_a_rule_narrows_it(rule: Root, holds: bool) -> None:
    assert rule.explains(OLD, PRICE) is holds


def test_slices_agree_unless_a_dimension_that_both_name_differs() -> None:
    rule = Root(ANYTHING, same_slice=True)
    assert rule.explains(OLD, finding("feature_drift", "distribution_ks", "price", genre="War"))
    assert rule.explains(OLD, finding("feature_drift", "distribution_ks", "price"))
    assert not rule.explains(
        OLD, finding("feature_drift", "distribution_ks", "price", source="s-7")
    )


@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.name)
def test_every_audit_says_its_test_its_floors_and_its_place(audit: Audit) -> None:
    assert audit.test
    assert audit.floors
    assert all(floor >= 0 for floor in audit.floors.values())
    assert 0 <= audit.depth <= DEEPEST
    known = {one.name for one in AUDITS} | {one.component for one in AUDITS} | {ANYTHING}
    assert {rule.by for rule in audit.explained_by} <= known


def test_the_catalogue_lists_roots_before_symptoms() -> None:
    depths = [audit.depth for audit in AUDITS]
    assert depths == sorted(depths)
    assert {"flags", "choice_rank"} <= {audit.name for audit in AUDITS}
