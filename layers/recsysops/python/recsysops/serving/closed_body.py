"""What every body of the API has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ClosedBody(BaseModel):
    """A body that takes the fields it declares and no others."""

    # hundreds of different ids a body would only drive each other out of a cache of texts
    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")
