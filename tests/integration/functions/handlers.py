"""Loads a function's handler as Lambda does, over memory ports, and takes it down again."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

from recsysops.bootstrap import Ports, use_ports

ROOT = Path(__file__).parents[3]
FUNCTIONS = ROOT / "functions"
EVENTS = ROOT / "events"

CONTEXT = SimpleNamespace(aws_request_id="7c4f1a2e-0b3d-4e5f-8a9b-1c2d3e4f5a6b")


@contextmanager
def loaded_handler(function: str, ports: Ports) -> Iterator[ModuleType]:
    use_ports(ports)
    path = FUNCTIONS / function / "handler.py"
    spec = importlib.util.spec_from_file_location(f"handler_of_{function}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        use_ports(None)
        if hasattr(module, "SCORER"):
            module.SCORER.after.stop()
