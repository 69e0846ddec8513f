"""What a fault of the gauntlet is: one TOML file that says what happens, how much, and to what.

Documented in CONTRIBUTING ("Add a fault to the gauntlet"). The grader alone reads `expected`;
detection sees the lake and never this package (import-linter).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, TypeGuard, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from recsysops.errors import BadInput
from recsysops.simulation.gauntlet.fault_tables import (
    BY,
    PICK,
    PICKED,
    Deed,
    Table,
    UpstreamTable,
    check_columns,
    check_value,
    check_where,
)
from recsysops.vocabulary import ID_PATTERN, Component

__all__ = [
    "MINUS_SIZE", "PICK", "SIZE", "TIMES_FLOOR", "Amount", "Expected", "FaultFile", "Magnitude",
    "Scale", "Step", "load_faults", "read_fault",
]  # fmt: skip

Magnitude = Literal["small", "middle", "large"]
TIMES_FLOOR: Mapping[Magnitude, float] = {"small": 1.0, "middle": 2.0, "large": 5.0}
"""The effect of a fault, in published effect floors of the audit that its file names."""

SIZE = "size"
"""Stands for the computed size in a step; MINUS_SIZE for as much less."""
MINUS_SIZE = "-size"


def _amount(value: object) -> object:
    if value in (SIZE, MINUS_SIZE) or _is_number(value):
        return value
    raise ValueError('a number, "size" or "-size" is needed')


def _share(value: object) -> object:
    if value == SIZE or (_is_number(value) and 0 < value <= 1):
        return value
    raise ValueError('a number above 0, at most 1, or "size" is needed')


def _written(value: object) -> object:
    if isinstance(value, str | bool) or value is None or _is_number(value):
        return value
    raise ValueError("a finite number, a text, true or false is needed")


def _chosen_by(value: object) -> object:
    # pydantic alone would take the number 1 for true
    if isinstance(value, str | bool):
        return value
    raise ValueError("a text, true or false is needed")


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


# checked before pydantic tries one type after the other: its refusal would name the first alone
Amount = Annotated[float | Literal["size", "-size"], BeforeValidator(_amount)]
Share = Annotated[float | Literal["size"], BeforeValidator(_share)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """One thing that happens to one table, to `share` of the rows that match `where`.

    fill: columns become `value` (a value; "null", "nan", "median", "mode" or "pick" computed).
    scale, add, noise: numbers times `by`, plus `by`, plus normal noise of `by` standard
    deviations of the column. swap: two columns change places. shuffle: values change rows.
    reverse: lists turn round. drop, duplicate: rows go, or come twice. crowd: rows all become one
    member's. delay: rows arrive `by` days after their event. turn_clock: moments move by `by`
    hours within their day. cut_day: a stretch of `by` days from noon on is lost.
    """

    on: Table
    do: Deed
    columns: tuple[str, ...] = ()
    value: Annotated[float | bool | str | None, BeforeValidator(_written)] = None
    by: Amount = 1.0
    share: Share = 1.0
    where: Mapping[str, Annotated[bool | str, BeforeValidator(_chosen_by)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _can_happen(self) -> Step:
        check_columns(self.on, self.do, self.columns)
        if self.do == "fill":
            check_value(self.on, self.columns, self.value)
        elif self.value is not None:
            raise ValueError(f"value: only fill writes one, {self.do} does not")
        if (self.do in BY) != ("by" in self.model_fields_set):
            raise ValueError(f"by: {self.do} {'needs it' if self.do in BY else 'does not take it'}")
        check_where(self.on, self.where)
        return self

    @property
    def uses_size(self) -> bool:
        """Whether the computed size says how much of it happens."""
        return SIZE in (self.by, self.share) or self.by == MINUS_SIZE


class Scale(_Part):
    """How large the fault is: `floors` of the audit's metric become the `size` in the steps.

    effect = 1, 2 or 5 floors, times `per_effect`; then share: size is that, at most 1.
    loss: 1 - exp(-effect), what a log ratio of that effect takes away. gain: exp(effect) - 1,
    what it adds. factor: exp(effect). plain: the effect. floor: stands in where the audit
    publishes 0, because any occurrence is a fact.
    """

    audit: str
    metric: str
    size: Literal["share", "loss", "gain", "factor", "plain"] = "share"
    per_effect: float = Field(1.0, gt=0)
    floor: float | None = Field(None, gt=0)

    def size_of(self, magnitude: Magnitude, *, floor: float) -> float:
        """Return the size in the steps."""
        effect = TIMES_FLOOR[magnitude] * floor * self.per_effect
        sizes = {
            "share": min(effect, 1.0),
            "loss": 1.0 - math.exp(-effect),
            "gain": math.exp(effect) - 1.0,
            "factor": math.exp(effect),
            "plain": effect,
        }
        return sizes[self.size]


class Expected(_Part):
    """What an incident must name: one of the components, one of the subjects if any, the slice."""

    component: tuple[Component, ...] = Field(min_length=1)
    subject: tuple[str, ...] = ()
    slice: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("slice")
    @classmethod
    def _can_be_picked(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, wanted in value.items():
            if wanted == PICK and name.removeprefix("member_") not in PICKED:
                raise ValueError(f"nothing to pick of {name}, only of {', '.join(PICKED)}")
        return value


class FaultFile(_Part):
    """One fault: its name, what happens in words and in steps, how large, what to expect."""

    name: Annotated[str, StringConstraints(pattern=ID_PATTERN)]
    happens: str = Field(min_length=10)
    steps: tuple[Step, ...] = Field(min_length=1)
    magnitude: Scale
    expected: Expected
    _path: Path | None = PrivateAttr(None)

    @field_validator("steps")
    @classmethod
    def _has_a_size(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        # small, middle and large would be one and the same
        if not any(step.uses_size for step in value):
            raise ValueError('no step uses the "size" that is computed, in by or share')
        return value

    @property
    def called(self) -> str:
        """What an error calls it: its name, and its file when it was read from one."""
        return f"fault {self.name}" + ("" if self._path is None else f" ({self._path})")

    @property
    def only_logs(self) -> bool:
        """Whether it touches only what was written, not what was served."""
        return all(step.on not in get_args(UpstreamTable) for step in self.steps)


def read_fault(path: Path) -> FaultFile:
    """Read one fault file. Raises: BadInput in one line, naming file and field."""
    try:
        fault = FaultFile.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"fault file {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        said = first["msg"].removeprefix("Value error, ")
        raise BadInput(f"fault file {path}: {place}: {said}") from error
    fault._path = path
    return fault


def load_faults(folder: Path | None = None) -> tuple[FaultFile, ...]:
    """Return the packaged faults and those of a folder, ascending by name.

    Raises: BadInput for a folder without fault files, a file that is none, or a name used twice.
    """
    paths = _packaged()
    if folder is not None:
        extra = sorted(folder.glob("*.toml"))
        if not extra:
            raise BadInput(f"{folder} holds no fault file (*.toml)")
        paths = [*paths, *extra]
    faults: dict[str, FaultFile] = {}
    for fault in map(read_fault, paths):
        if fault.name in faults:
            raise BadInput(f"a name used twice: {faults[fault.name].called}, {fault.called}")
        faults[fault.name] = fault
    return tuple(faults[name] for name in sorted(faults))


def _packaged() -> list[Path]:
    folder = Path(str(files("recsysops.simulation.gauntlet"))) / "faults"
    return sorted(folder.glob("*.toml"))
