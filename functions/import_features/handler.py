"""Writes one batch of an import: {"Items": [row, …]} of the workflow, or a single row."""

from collections.abc import Mapping
from dataclasses import asdict

from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.workflows.import_features import import_features, read_batch

PORTS = process_ports()
LOGGER = make_logger("import_features")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Return how many rows were written, superseded and refused, and why the first were."""
    imported = import_features(
        read_batch(event), items=PORTS.items, members=PORTS.members, blobs=PORTS.blobs
    )
    LOGGER.info("batch imported", written=imported.written, refused=imported.refused)
    return asdict(imported)
