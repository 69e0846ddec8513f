"""The Lambda layers, built at synth time without Docker."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.bytecode import compile_layer, find_lambda_python
from infra.settings import LAMBDA_PYTHON, StageSettings

LAYERS = Path(__file__).resolve().parents[2] / "layers"
REQUIREMENTS = "requirements.txt"
PLATFORM = "aarch64-manylinux_2_28"

RUNTIME_EXCLUDES = (
    "python/recsysops/cli",
    "python/recsysops/learning",
    "python/recsysops/simulation",
    "python/recsysops/datasets",
    "python/recsysops/experiments",
    "*.egg-info",
    "**/__pycache__",
)
"""What the command line, training and tests need, and no function does."""

UNUSED_AT_RUNTIME = ("tests", "test", "__pycache__", "include", "_pyinstaller", "f2py", "bin")
"""Folders of third-party packages that no function imports (numpy's tests alone are 30 MB)."""


class LayerBuildError(Exception):
    """The third-party packages of a layer cannot be installed."""


@jsii.implements(ILocalBundling)
class HashedWheels:
    """Installs a layer's pinned, hashed wheels for Lambda's platform, prunes and compiles them."""

    def __init__(self, folder: Path, *, python: str | None) -> None:
        self._folder = folder
        self._python = python

    def try_bundle(
        self,
        output_dir: str,
        *,
        image: DockerImage,  # noqa: ARG002 - jsii's interface; there is no Docker here
        **_options: object,
    ) -> bool:
        """Fill output_dir; jsii's interface. Raises: LayerBuildError."""
        install_wheels(self._folder / REQUIREMENTS, Path(output_dir) / "python")
        compile_layer(Path(output_dir), python=self._python)
        return True


def install_wheels(requirements: Path, target: Path) -> None:
    """Install wheels for Lambda's Python on arm64 into a folder, without what is never imported.

    Raises: LayerBuildError with the installer's message.
    """
    command = [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs", "--no-deps"),
        *("--require-hashes", "--only-binary", ":all:", "--requirement", str(requirements)),
        *("--python-platform", PLATFORM, "--python-version", LAMBDA_PYTHON.removeprefix("python")),
        *("--target", str(target)),
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if outcome.returncode:
        raise LayerBuildError(f"cannot install {requirements}: {outcome.stderr.strip()}")
    prune(target)


def prune(target: Path) -> None:
    """Delete folders and files that no function reads."""
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_dir() and path.name in UNUSED_AT_RUNTIME:
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in {".pyc", ".pyi"}:
            path.unlink()
    for leftover in (*target.glob("*.dist-info/RECORD"), target / ".lock"):
        leftover.unlink(missing_ok=True)


def make_layers(scope: Construct, *, settings: StageSettings) -> list[lambda_.LayerVersion]:
    """Make the layers every function carries: our package, and on AWS the packages it imports."""
    layers = [_package_layer(scope, settings)]
    if settings.third_party_layers:
        layers.append(_third_party_layer(scope, "scoring", settings))
    return layers


def copy_package(target: Path) -> None:
    """Copy our package as a layer carries it, without what no function imports."""
    source = LAYERS / "recsysops"

    def left_out(folder: str, names: list[str]) -> set[str]:
        place = Path(folder).relative_to(source)
        return {name for name in names if any(map((place / name).match, RUNTIME_EXCLUDES))}

    shutil.copytree(source, target, ignore=left_out)


def _package_layer(scope: Construct, settings: StageSettings) -> lambda_.LayerVersion:
    if not settings.third_party_layers:  # the host's Python compiles for itself
        code = lambda_.Code.from_asset(str(LAYERS / "recsysops"), exclude=list(RUNTIME_EXCLUDES))
        return _layer(scope, "RecsysopsLayer", code, settings)
    with TemporaryDirectory() as folder:  # CDK copies it while the layer is made
        layer = Path(folder) / "layer"
        copy_package(layer)
        compile_layer(layer, python=find_lambda_python())
        return _layer(scope, "RecsysopsLayer", lambda_.Code.from_asset(str(layer)), settings)


def _third_party_layer(
    scope: Construct, name: str, settings: StageSettings
) -> lambda_.LayerVersion:
    folder, python = LAYERS / name, find_lambda_python()
    # with and without bytecode are two layers
    pinned = (folder / REQUIREMENTS).read_bytes() + (b"" if python is None else b"compiled")
    code = lambda_.Code.from_asset(
        str(folder),
        asset_hash_type=AssetHashType.CUSTOM,
        asset_hash=hashlib.sha256(pinned).hexdigest(),
        bundling=BundlingOptions(
            image=DockerImage.from_registry("never-pulled"),
            local=HashedWheels(folder, python=python),
        ),
    )
    return _layer(scope, f"{name.title()}Layer", code, settings)


def _layer(
    scope: Construct, construct_id: str, code: lambda_.Code, settings: StageSettings
) -> lambda_.LayerVersion:
    return lambda_.LayerVersion(
        scope,
        construct_id,
        code=code,
        compatible_runtimes=[
            lambda_.Runtime(settings.python_runtime, lambda_.RuntimeFamily.PYTHON)
        ],
        compatible_architectures=[lambda_.Architecture.custom(settings.architecture)],
        removal_policy=RemovalPolicy.DESTROY,
    )
