"""AuditTrail in memory."""

from __future__ import annotations

from recsysops.errors import ConflictError
from recsysops.ports import Row


class MemoryTrail:
    """Keeps the rows in the order they came."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def append(self, row: Row) -> None:
        """Add one row. Raises: ConflictError when its deployment_id is taken."""
        if any(one["deployment_id"] == row["deployment_id"] for one in self.rows):
            raise ConflictError(f"the trail has a row {row['deployment_id']!r} already")
        self.rows.append(dict(row))
