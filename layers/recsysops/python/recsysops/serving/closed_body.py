"""What every body of the API has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ClosedBody(BaseModel):
    """A body that takes the fields it declares and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")
