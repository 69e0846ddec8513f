"""The model pointer and the sampling plan as text: what may stand in them, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from recsysops.errors import FlagError
from recsysops.serving.surface_plan import MAX_SURFACES, SurfaceName, SurfacePlanText
from recsysops.vocabulary import (
    ID_PATTERN,
    Canary,
    ModelPointer,
    RollOutArm,
    SamplingPlan,
    Shadow,
    hash_unit,
)

MAX_STRATA = 200
MAX_SURFACE_MODELS = 3
"""Each is a matrix more in every scorer's memory."""
MAX_CANARY_PERCENT = 50.0
"""The control is as large as the canary, so neither may be more than half."""

ModelId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Salt = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Stratum = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]

DocumentT = TypeVar("DocumentT", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Canary(_Strict):
    model_id: ModelId
    percent: float = Field(gt=0.0, le=MAX_CANARY_PERCENT, allow_inf_nan=False)
    salt: Salt


class _Shadow(_Strict):
    model_id: ModelId
    share: float = Field(gt=0.0, le=1.0, allow_inf_nan=False)


class _Pointer(_Strict):
    production: ModelId
    candidate: ModelId | None = None
    previous: ModelId | None = None
    canary: _Canary | None = None
    shadow: _Shadow | None = None
    surfaces: dict[SurfaceName, ModelId] = Field(default_factory=dict, max_length=MAX_SURFACES)

    @model_validator(mode="after")
    def _is_another_model(self) -> _Pointer:
        for name, other in (("canary", self.canary), ("shadow", self.shadow)):
            if other is not None and other.model_id == self.production:
                raise ValueError(f"{name} is the production model {self.production}")
        return self

    @model_validator(mode="after")
    def _fits_in_memory(self) -> _Pointer:
        own = {*self.surfaces.values()} - {self.production}
        if len(own) > MAX_SURFACE_MODELS:
            raise ValueError(f"surfaces name {len(own)} models; at most {MAX_SURFACE_MODELS} may")
        return self


class _Plan(_Strict):
    rate: Share
    raised_rate: Share
    explore_rate: Share
    stratum_rates: dict[Stratum, Share] = Field(default_factory=dict, max_length=MAX_STRATA)
    surfaces: dict[SurfaceName, SurfacePlanText] = Field(
        default_factory=dict, max_length=MAX_SURFACES
    )
    raised_per_minute: int = Field(SamplingPlan().raised_per_minute, ge=0, le=1_000_000)


def parse_model_pointer(text: str) -> ModelPointer:
    """Read {"production", "candidate", "previous", "canary", "shadow", "surfaces"}.

    Raises: FlagError in one line.
    """
    pointer = _parse(_Pointer, text, name="model pointer")
    canary, shadow = pointer.canary, pointer.shadow
    return ModelPointer(
        pointer.production,
        pointer.candidate,
        pointer.previous,
        canary=Canary(canary.model_id, canary.percent, canary.salt) if canary else None,
        shadow=Shadow(shadow.model_id, shadow.share) if shadow else None,
        surfaces=pointer.surfaces,
    )


def dump_model_pointer(pointer: ModelPointer) -> str:
    """Return the pointer's JSON; parsing it gives the same pointer back."""
    document = {**asdict(pointer), "surfaces": dict(pointer.surfaces)}
    if not pointer.surfaces:
        del document["surfaces"]  # scorers of before know no such field
    return json.dumps(document, sort_keys=True)


@dataclass(frozen=True, slots=True)
class AssignedArm:
    """Which arm of which roll-out a member is in."""

    roll_out_id: str
    arm: RollOutArm


def assign_arm(canary: Canary | None, member_pseudonym: str) -> AssignedArm | None:
    """Return the arm of a member: canary, its control of the same size, or None for the rest.

    >>> assign_arm(Canary("m-2", 50.0, "r1"), "p-1") is None
    False
    """
    if canary is None:
        return None
    unit, share = hash_unit(canary.salt, member_pseudonym), canary.percent / 100.0
    if unit < share:
        return AssignedArm(canary.salt, "canary")
    return AssignedArm(canary.salt, "control") if unit < 2.0 * share else None


def parse_sampling_plan(text: str) -> SamplingPlan:
    """Read {"rate", "raised_rate", "explore_rate", "stratum_rates", "surfaces"}.

    Raises: FlagError.
    """
    plan = _parse(_Plan, text, name="sampling plan")
    return SamplingPlan(
        rate=plan.rate,
        raised_rate=plan.raised_rate,
        explore_rate=plan.explore_rate,
        stratum_rates=plan.stratum_rates,
        surfaces={name: text.to_plan() for name, text in plan.surfaces.items()},
        raised_per_minute=plan.raised_per_minute,
    )


def dump_sampling_plan(plan: SamplingPlan) -> str:
    """Return the plan's JSON; parsing it gives the same plan back."""
    document = {**asdict(plan), "stratum_rates": dict(plan.stratum_rates)}
    del document["may_lack_surfaces"]  # what a reader knows, not what the document says
    return json.dumps(document, sort_keys=True)


def _parse(model: type[DocumentT], text: str, *, name: str) -> DocumentT:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise FlagError(f"{name}: {place}: {first['msg']}") from error
