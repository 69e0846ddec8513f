"""The body of every answer that is not 200."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Problem(BaseModel):
    """One thing that is wrong with a request, and where."""

    model_config = ConfigDict(frozen=True)
    path: str = Field(description="field names and positions, joined by dots")
    message: str


class Refusal(BaseModel):
    """Why there is no answer; name its request_id when you ask us about it."""

    model_config = ConfigDict(frozen=True)
    error: str = Field(description="a word for programs: bad_input, not_found, conflict, …")
    message: str = Field(description="a line for people")
    request_id: str
    problems: tuple[Problem, ...] = Field((), description="what to mend, with 422")


class GatewayRefusal(BaseModel):
    """What the gateway says before any function is asked: no token, wrong scope, too many."""

    model_config = ConfigDict(frozen=True)
    message: str
