"""Names the stages and builds their stack: `python -m infra.app --stage laptop --out DIR`."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import App, CfnResource, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import STAGES, StageSettings
from infra.stacks.recsysops_stack import RecsysopsStack

ROOT = Path(__file__).resolve().parents[1]
STACK = "Recsysops"


def build_app(
    settings: StageSettings | None = None,
    *,
    out: Path | None = None,
    context: Mapping[str, object] | None = None,
) -> App:
    """Build the app of one stage; without one, of the stage that the CDK context names."""
    app = App(
        outdir=str(out) if out else None,
        context={**read_context(), **(context or {})},
    )
    settings = settings or STAGES[app.node.get_context("stage")]
    stack = RecsysopsStack(app, STACK, settings=settings)
    omit_types(stack, settings.omitted_types)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def read_context() -> dict[str, object]:
    """Return cdk.json's context, so that the app is the same with and without the CDK CLI."""
    context: dict[str, object] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def omit_types(stack: RecsysopsStack, types: frozenset[str]) -> None:
    """Take every resource of these types out of the stack; nothing else may refer to one."""
    for part in stack.node.find_all():
        if isinstance(part, CfnResource) and part.cfn_resource_type in types:
            scope = part.node.scope
            if scope is not None:
                scope.node.try_remove_child(part.node.id)


def sweep_assets(out: Path) -> None:
    """Delete assets of earlier syntheses from the cloud assembly."""
    manifest = json.loads((out / f"{STACK}.assets.json").read_text())
    used = {asset["source"].get("path") for asset in manifest["files"].values()}
    for folder in out.glob("asset.*"):
        if folder.name not in used:
            shutil.rmtree(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the cloud assembly of one stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=sorted(STAGES), help="default: context of cdk.json")
    parser.add_argument("--out", type=Path, help="folder of the cloud assembly")
    options = parser.parse_args(arguments)
    build_app(STAGES.get(options.stage), out=options.out).synth()
    if options.out:
        sweep_assets(options.out)


if __name__ == "__main__":
    main()
