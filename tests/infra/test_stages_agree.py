"""The laptop runs what AWS runs: both templates differ in declared properties and nowhere else."""

from __future__ import annotations

import copy

import pytest

from infra.settings import ALLOWED_DIFFERENCES, LAPTOP

from .conftest import Assembly, Template
from .template_comparison import list_differences, walk_differences

pytestmark = pytest.mark.xdist_group("infra")


def differences(aws: Template, laptop: Template) -> list[str]:
    third_party = [
        name
        for name, part in aws["Resources"].items()
        if part["Type"] == "AWS::Lambda::LayerVersion" and name.startswith("ScoringLayer")
    ]
    return list_differences(
        aws,
        laptop,
        omitted_types=LAPTOP.omitted_types,
        omitted_resources=third_party,
        allowed=ALLOWED_DIFFERENCES,
    )


def test_the_stages_differ_only_where_it_is_declared(aws: Assembly, laptop: Assembly) -> None:
    assert differences(aws.template, laptop.template) == []


def test_every_declared_difference_is_one(aws: Assembly, laptop: Assembly) -> None:
    """An entry that allows nothing today would hide something tomorrow."""
    # equal when the host runs Python 3.13; and when it has none to compile a layer with
    of_the_host = {"Runtime", "CompatibleRuntimes", "Content.S3Key"}
    for entry in ALLOWED_DIFFERENCES:
        without = [other for other in ALLOWED_DIFFERENCES if other is not entry]
        found = list_differences(
            aws.template, laptop.template, omitted_types=LAPTOP.omitted_types, allowed=without
        )
        named = f"({entry.resource_type}) differs in Properties.{entry.path}"
        needed = any(named in line for line in found)
        assert needed or entry.path in of_the_host, f"{entry} allows nothing"


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("AWS::DynamoDB::Table", ("BillingMode",), "PROVISIONED"),
        ("AWS::Lambda::Function", ("MemorySize",), 128),
        ("AWS::Lambda::Function", ("Environment", "Variables", "RECSYSOPS_REGION"), "mars"),
        ("AWS::S3::Bucket", ("BucketEncryption",), None),
        ("AWS::ApiGatewayV2::Route", ("AuthorizationType",), "NONE"),
        ("AWS::Glue::Table", ("TableInput", "StorageDescriptor", "Columns", 0, "Type"), "int"),
    ],
)
def test_an_undeclared_difference_is_named(
    aws: Assembly, laptop: Assembly, kind: str, path: tuple[str | int, ...], value: object
) -> None:
    changed = copy.deepcopy(laptop.template)
    name = next(name for name in laptop.resources(kind))
    target = changed["Resources"][name]["Properties"]
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value

    assert any(
        line.startswith(f"{name} ({kind}) differs") for line in differences(aws.template, changed)
    )


def test_a_resource_that_is_quietly_left_out_is_named(aws: Assembly, laptop: Assembly) -> None:
    changed = copy.deepcopy(laptop.template)
    name = next(iter(laptop.resources("AWS::CloudWatch::Alarm")))
    del changed["Resources"][name]
    assert differences(aws.template, changed) == [
        f"{name} (AWS::CloudWatch::Alarm) is left out, and its type may not be"
    ]


def test_a_resource_that_only_the_laptop_has_is_named(aws: Assembly, laptop: Assembly) -> None:
    changed = copy.deepcopy(laptop.template)
    changed["Resources"]["Extra"] = {"Type": "AWS::S3::Bucket"}
    assert differences(aws.template, changed) == [
        "Extra (AWS::S3::Bucket) exists in the reduced stage only"
    ]


def test_an_output_that_differs_is_named(aws: Assembly, laptop: Assembly) -> None:
    changed = copy.deepcopy(laptop.template)
    del changed["Outputs"]["ApiUrl"]
    assert differences(aws.template, changed) == ["Outputs.ApiUrl differs"]


def test_differences_are_found_at_any_depth() -> None:
    left = {"a": [1, {"b": 2}], "c": 3, "d": [1]}
    right = {"a": [1, {"b": 9}], "e": 4, "d": [1, 2]}
    assert list(walk_differences(left, right)) == ["a.1.b", "c", "d", "e"]


def test_what_the_laptop_leaves_out_exists_on_aws(aws: Assembly, laptop: Assembly) -> None:
    for kind in LAPTOP.omitted_types:
        assert aws.resources(kind), f"{kind} is omitted, but nothing has that type"
        assert not laptop.resources(kind)


def test_no_stage_needs_a_custom_resource(aws: Assembly) -> None:
    """Their Lambdas would not run on the laptop, and would widen the roles on AWS."""
    kinds = {part["Type"] for part in aws.template["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith("Custom::")]
    assert "AWS::CloudFormation::CustomResource" not in kinds
