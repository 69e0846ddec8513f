"""Knows how a surface fills its slate: where the plan stands as text, and what may stand in it.

Surfaces are configuration: one entry under "surfaces" in the sampling document (how it ranks) or
in the model document (which model serves it) makes a new one.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from recsysops.errors import BadBody, BadData
from recsysops.vocabulary import (
    BUILT_IN_SURFACES,
    PLAIN_SURFACE,
    ModelPointer,
    Policy,
    SamplingPlan,
    Surface,
    SurfacePlan,
)

MAX_SURFACES = 32
MAX_LAUNCH_SLOTS = 10
MAX_POSITION = 50

SurfaceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


def _check_ascending(positions: tuple[int, ...]) -> tuple[int, ...]:
    if list(positions) != sorted(set(positions)):
        raise ValueError("positions must ascend without repeats")
    return positions


class SurfacePlanText(BaseModel):
    """One surface's plan as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    diversity: float = Field(
        PLAIN_SURFACE.diversity, ge=0.0, le=100.0, allow_inf_nan=False,
        description="score an item loses when its content equals that of one just above it",
    )  # fmt: skip
    diversity_window: int = Field(
        PLAIN_SURFACE.diversity_window, ge=1, le=MAX_POSITION,
        description="how many slots above are compared",
    )  # fmt: skip
    launch_slots: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MAX_POSITION)], ...],
        Field(max_length=MAX_LAUNCH_SLOTS),
        AfterValidator(_check_ascending),
    ] = Field(PLAIN_SURFACE.launch_slots, description="positions reserved for recent launches")
    launch_days: int = Field(
        PLAIN_SURFACE.launch_days, ge=1, le=365, description="how long an item is a launch"
    )
    policy: Policy = Field(PLAIN_SURFACE.policy, description="whether uncertain items draw")
    prior_trials: float = Field(
        PLAIN_SURFACE.prior_trials, ge=1.0, le=1e6, allow_inf_nan=False,
        description="impressions that the prior of a play rate is worth",
    )  # fmt: skip

    def to_plan(self) -> SurfacePlan:
        """Return the plan."""
        return SurfacePlan(**{name: getattr(self, name) for name in type(self).model_fields})


def plan_of_surface(plan: SamplingPlan, surface: Surface) -> SurfacePlan:
    """Return how a surface fills its slate; one that nobody configured is plain."""
    return plan.surfaces.get(surface, PLAIN_SURFACE)


def is_known_surface(surface: Surface, *, plan: SamplingPlan, pointer: ModelPointer | None) -> bool:
    """Say whether a surface is built in or configured; False while nobody can tell.

    Raises: BadBody when it surely is neither: its name would make strata and slices that no
        audit expects.
    """
    known = {*BUILT_IN_SURFACES, *plan.surfaces, *(pointer.surfaces if pointer else ())}
    if surface in known:
        return True
    if plan.may_lack_surfaces:
        return False
    raise BadBody([("surface", f"{surface!r} is not one of {', '.join(sorted(known))}")])


@lru_cache(maxsize=64)
def dump_surface_plan(plan: SurfacePlan) -> str | None:
    """Return the plan as the log keeps it: JSON of what is not plain, None when all is."""
    plain = asdict(PLAIN_SURFACE)
    changed = {name: value for name, value in asdict(plan).items() if value != plain[name]}
    return json.dumps(changed, sort_keys=True) if changed else None


@lru_cache(maxsize=64)
def load_surface_plan(logged: str | None) -> SurfacePlan:
    """Read a logged plan back. Raises: BadData when it is none."""
    if logged is None:
        return PLAIN_SURFACE
    try:
        return SurfacePlanText.model_validate_json(logged).to_plan()
    except ValidationError as error:
        raise BadData(f"surface_plan: {error.errors()[0]['msg']}") from error
