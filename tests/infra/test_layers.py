"""What a function carries: pinned like everything else, small enough, and enough to import."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import FUNCTION_SIZES

from .conftest import Assembly

ROOT = Path(__file__).resolve().parents[2]
LIMIT_MB = 250
LIMIT_SCORING_MIB = 90
"""What the scoring function may carry: a cold start reads it all."""
AARCH64 = 183
NEVER_IMPORTED = ("pandas", "scipy", "sklearn", "pyarrow", "duckdb", "implicit", "matplotlib")
NO_CLOUD = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}

PROBE = f"""
import sys
import handler, recsysops
assert callable(handler.handle)
heavy = [name for name in {NEVER_IMPORTED!r} if name in sys.modules]
assert not heavy, f"imports {{heavy}}"
print(recsysops.__file__)
"""


def locked(path: Path) -> dict[str, set[str]]:
    """Return {"name==version": hashes} of a requirements file."""
    blocks = re.split(r"\n(?=\S)", path.read_text().strip())
    return {
        block.split(" ", 1)[0]: set(re.findall(r"sha256:[0-9a-f]{64}", block)) for block in blocks
    }


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def elf_machine(library: Path) -> int:
    """Return the machine a shared library is built for (ELF header, bytes 18 and 19)."""
    return int.from_bytes(library.read_bytes()[18:20], "little")


def package_layer(assembly: Assembly) -> Path:
    """Return the python/ folder of our own layer as it would be uploaded."""
    layer = assembly.one("AWS::Lambda::LayerVersion", containing="RecsysopsLayer")
    key = layer["Properties"]["Content"]["S3Key"]
    return assembly.folder / f"asset.{key.removesuffix('.zip')}" / "python"


def environment_of(assembly: Assembly, function: str) -> dict[str, str]:
    """Return a function's variables, with a stand-in for what only a deployment knows."""
    logical = "".join(map(str.title, function.split("_")))
    part = assembly.one("AWS::Lambda::Function", containing=f"{logical}Function")
    variables = part["Properties"]["Environment"]["Variables"].items()
    return {name: value if isinstance(value, str) else "stand-in" for name, value in variables}


@pytest.mark.parametrize("layer", ["scoring"])
def test_a_layer_is_a_part_of_the_one_lock(layer: str) -> None:
    whole = locked(ROOT / "requirements.txt")
    for pin, hashes in locked(ROOT / "layers" / layer / "requirements.txt").items():
        assert whole[pin] == hashes, f"{pin} is not what requirements.txt pins"


@pytest.mark.parametrize("path", ["requirements.txt", "layers/scoring/requirements.txt"])
def test_a_lock_names_no_registry(path: str) -> None:
    text = (ROOT / path).read_text()
    assert "://" not in text
    assert "index" not in text


@pytest.mark.xdist_group("infra")
def test_our_layer_leaves_training_and_the_command_line_at_home(aws: Assembly) -> None:
    rooms = {path.name for path in (package_layer(aws) / "recsysops").iterdir()}
    assert {"serving", "model", "workflows", "adapters"} <= rooms
    assert rooms.isdisjoint({"cli", "learning", "simulation", "datasets"})


def needs_lambda_python() -> str:
    from infra.components.bytecode import find_lambda_python

    python = find_lambda_python()
    if python is None:
        pytest.skip("no Python of Lambda's version on this machine")
    return python


def test_our_layer_is_compiled_to_the_same_bytes_wherever_it_is_built(tmp_path: Path) -> None:
    from infra.components.bytecode import compile_layer
    from infra.components.layers import copy_package

    python = needs_lambda_python()
    built = []
    for name in ("here", "a-longer-name-elsewhere"):
        copy_package(tmp_path / name)
        assert compile_layer(tmp_path / name, python=python)
        files = {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        built.append(files)
    assert built[0] == built[1]
    sources = {path for path in built[0] if path.suffix == ".py"}
    compiled = {path for path in built[0] if path.suffix == ".pyc"}
    assert len(sources) == len(compiled) > 100
    # unchecked hashes: the flags after the magic number are 1
    assert {built[0][path][4:8] for path in compiled} == {b"\x01\x00\x00\x00"}
    assert all(str(tmp_path).encode() not in built[0][path] for path in compiled)


def test_without_a_python_of_lambdas_version_the_layer_is_its_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.components.bytecode import CHOSEN_PYTHON, compile_layer, find_lambda_python

    monkeypatch.setenv(CHOSEN_PYTHON, str(tmp_path / "no-such-python"))
    monkeypatch.setattr("infra.components.bytecode.LAMBDA_PYTHON", "python3.99")
    assert find_lambda_python() is None
    assert compile_layer(tmp_path, python=None) is False
    assert "layers carry no bytecode" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_cannot_be_compiled_ends_the_build(tmp_path: Path) -> None:
    from infra.components.bytecode import BytecodeError, compile_layer

    (tmp_path / "broken.py").write_text("def broken(:")
    with pytest.raises(BytecodeError, match="SyntaxError"):
        compile_layer(tmp_path, python=sys.executable)


@pytest.mark.xdist_group("infra")
@pytest.mark.parametrize("function", FUNCTION_SIZES)
def test_a_function_imports_from_its_layers_alone(aws: Assembly, function: str) -> None:
    """Our package is the pruned one, nothing heavy comes along, every name it wants is given.

    No service answers: a sandbox must start even then, and degrade.
    """
    layer = package_layer(aws)
    outcome = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={
            **environment_of(aws, function),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "functions" / function), str(layer)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            **NO_CLOUD,
        },
        cwd=aws.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip().startswith(str(layer))


@pytest.mark.xdist_group("infra")
def test_what_a_function_carries_is_below_lambdas_limit(aws: Assembly, tmp_path: Path) -> None:
    """Builds the third-party layer for arm64 as synthesis does; needs the package registry."""
    from infra.components.bytecode import compile_layer, find_lambda_python
    from infra.components.layers import LAYERS, REQUIREMENTS, install_wheels

    install_wheels(LAYERS / "scoring" / REQUIREMENTS, tmp_path / "python")
    compile_layer(tmp_path, python=find_lambda_python())
    shared = size_mb(tmp_path) + size_mb(package_layer(aws))
    for function in FUNCTION_SIZES:
        total = shared + size_mb(ROOT / "functions" / function)
        assert total < LIMIT_MB, f"{function} carries {total:.0f} MB"
    assert shared <= LIMIT_SCORING_MIB, f"the scorer's layers are {shared:.0f} MiB"

    built = {path.name for path in (tmp_path / "python").iterdir()}
    assert {"numpy", "pydantic", "aws_lambda_powertools"} <= built
    machines = {elf_machine(path) for path in (tmp_path / "python").rglob("*.so")}
    assert machines == {AARCH64}


@pytest.mark.parametrize("text", ["numpy==2.4.6 --hash=sha256:" + "0" * 64, "nonsense==0"])
def test_a_wheel_that_is_not_the_pinned_one_is_refused(text: str, tmp_path: Path) -> None:
    from infra.components.layers import LayerBuildError, install_wheels

    requirements = tmp_path / "requirements.txt"
    requirements.write_text(text)
    with pytest.raises(LayerBuildError, match="cannot install"):
        install_wheels(requirements, tmp_path / "python")
