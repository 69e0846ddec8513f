"""The Lambda layers, built at synth time without Docker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

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
    """Installs a layer's pinned, hashed wheels for Lambda's platform, then prunes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def try_bundle(
        self,
        output_dir: str,
        *,
        image: DockerImage,  # noqa: ARG002 - jsii's interface; there is no Docker here
        **_options: object,
    ) -> bool:
        """Fill output_dir; jsii's interface. Raises: LayerBuildError."""
        install_wheels(self._folder / REQUIREMENTS, Path(output_dir) / "python")
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


def _package_layer(scope: Construct, settings: StageSettings) -> lambda_.LayerVersion:
    code = lambda_.Code.from_asset(str(LAYERS / "recsysops"), exclude=list(RUNTIME_EXCLUDES))
    return _layer(scope, "RecsysopsLayer", code, settings)


def _third_party_layer(
    scope: Construct, name: str, settings: StageSettings
) -> lambda_.LayerVersion:
    folder = LAYERS / name
    code = lambda_.Code.from_asset(
        str(folder),
        asset_hash_type=AssetHashType.SOURCE,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("never-pulled"), local=HashedWheels(folder)
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
