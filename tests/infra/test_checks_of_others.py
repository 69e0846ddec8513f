"""cfn-lint and cdk-nag agree with both templates, and would object if there were cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import SKIP_BUNDLING, Assembly

pytestmark = pytest.mark.xdist_group("infra")

IGNORED = ["W3005"]
"""CDK itself adds DependsOn a role's policy beside the role, which a GetAtt names already."""


def lint(template: dict[str, object]) -> list[str]:
    from cfnlint.api import ManualArgs, lint  # late: it loads every schema

    text = json.dumps(template)
    found = lint(text, config=ManualArgs(regions=["us-east-1"], ignore_checks=IGNORED))
    return [f"{match.rule.id} {match.message}" for match in found]


def test_cfn_lint_finds_nothing_on_aws(aws: Assembly) -> None:
    assert lint(aws.template) == []


def test_cfn_lint_finds_nothing_on_the_laptop(laptop: Assembly) -> None:
    assert lint(laptop.template) == []


def test_cfn_lint_would_object_to_a_nonsense_property() -> None:
    broken = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "red"}}}}
    assert any("E3002" in line for line in lint(broken))


def test_cdk_nag_stops_the_synthesis_of_a_bare_queue(tmp_path: Path) -> None:
    from aws_cdk import App, Stack, Validations
    from aws_cdk import aws_sqs as sqs
    from cdk_nag import AwsSolutionsChecks

    app = App(outdir=str(tmp_path), context=SKIP_BUNDLING)
    sqs.Queue(Stack(app, "Bare"), "Queue", enforce_ssl=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="SQS4"):
        app.synth()


def test_cdk_nag_looked_at_the_stage(aws: Assembly) -> None:
    """Its report stands beside the template: synthesis ran with the rules on."""
    report = json.loads((aws.folder / "validation-report.json").read_text())
    assert any("AwsSolutions" in json.dumps(part) for part in report["pluginReports"])
