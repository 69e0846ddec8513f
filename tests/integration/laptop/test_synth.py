"""The app is synthesized when its sources changed, and only then."""

from pathlib import Path

import pytest

from infra.local import synth
from infra.local.errors import StageError
from infra.local.fingerprint import fingerprint_sources
from infra.local.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "local", assembly=tmp_path / "cdk" / "laptop")


def test_unchanged_sources_are_not_synthesized_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synth, "_run_app", lambda it: it.assembly.mkdir(exist_ok=True))
    made = [synth.synthesize(layout, fingerprint=name) for name in ("a", "a", "b", "b")]
    assert made == [True, False, True, False]


def test_a_failed_app_is_tried_again_next_time(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(layout: Layout) -> None:
        raise StageError("no")

    layout.assembly.mkdir(parents=True)
    monkeypatch.setattr(synth, "_run_app", fail)
    for _ in range(2):
        with pytest.raises(StageError):
            synth.synthesize(layout, fingerprint="a")


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_the_fingerprint_follows_sources_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "functions/greet/handler.py", "one")
    first = fingerprint_sources(tmp_path)
    write(tmp_path, "functions/greet/__pycache__/handler.pyc", "compiled")
    write(tmp_path, "README.md", "words")
    assert fingerprint_sources(tmp_path) == first
    write(tmp_path, "functions/greet/handler.py", "two")
    second = fingerprint_sources(tmp_path)
    write(tmp_path, "layers/needs/requirements.txt", "numpy")
    assert len({first, second, fingerprint_sources(tmp_path)}) == 3
