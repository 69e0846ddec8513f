"""Knows how a synthesized CDK app lies on disk: its stacks, their order and their files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

_PLACEHOLDERS = ("${AWS::Partition}", "${AWS::AccountId}", "${AWS::Region}")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file or folder that a stack needs in the bootstrap bucket."""

    source: Path
    packaging: Literal["file", "zip"]
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack: its name, its template's key, and the assets to publish before."""

    name: str
    assets: tuple[Asset, ...]
    template: Asset


def read_stacks(assembly: Path, *, account: str, region: str) -> tuple[Stack, ...]:
    """Return the assembly's stacks, each after the stacks it depends on."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = {k: a for k, a in artifacts.items() if a["type"] == "aws:cloudformation:stack"}
    before = {k: set(a.get("dependencies", ())) & stacks.keys() for k, a in stacks.items()}
    values = dict(zip(_PLACEHOLDERS, ("aws", account, region), strict=True))
    return tuple(
        _read_stack(assembly, stacks[key], values=values)
        for key in TopologicalSorter(before).static_order()
    )


def _read_stack(
    assembly: Path, artifact: Mapping[str, Mapping[str, str]], *, values: Mapping[str, str]
) -> Stack:
    template_file = artifact["properties"]["templateFile"]
    manifest = assembly / f"{template_file.removesuffix('.template.json')}.assets.json"
    assets = tuple(_read_assets(manifest, values=values))
    template = next(asset for asset in assets if asset.source == assembly / template_file)
    name = artifact["properties"].get("stackName", template_file.removesuffix(".template.json"))
    return Stack(name=name, assets=assets, template=template)


def _read_assets(manifest: Path, *, values: Mapping[str, str]) -> Iterator[Asset]:
    for file in json.loads(manifest.read_text())["files"].values():
        destination = next(iter(file["destinations"].values()))
        yield Asset(
            source=manifest.parent / file["source"]["path"],
            packaging=file["source"]["packaging"],
            bucket=_fill(destination["bucketName"], values),
            key=destination["objectKey"],
        )


def _fill(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
