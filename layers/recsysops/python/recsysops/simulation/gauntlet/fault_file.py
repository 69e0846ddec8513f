"""What a fault of the gauntlet is: one TOML file that says what happens, how much, and to what.

Documented in CONTRIBUTING ("Add a fault to the gauntlet"). The grader alone reads `expected`;
detection sees the lake and never this package (import-linter).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recsysops.errors import BadInput
from recsysops.vocabulary import ID_PATTERN

Magnitude = Literal["small", "middle", "large"]
TIMES_FLOOR: Mapping[Magnitude, float] = {"small": 1.0, "middle": 2.0, "large": 5.0}
"""The effect of a fault, in published effect floors of the audit that its file names."""

SIZE = "size"
"""Stands for the computed size in a step; MINUS_SIZE for as much less."""
MINUS_SIZE = "-size"
PICK = "pick"
"""Stands for a value that the seed picks: neither rare nor most of the rows."""

UpstreamTable = Literal[
    "requests", "settings", "items", "plays", "item_vectors", "member_vectors", "trainings",
    "training_rows",
]  # fmt: skip
LogTable = Literal[
    "slim_requests", "full_requests", "feedback", "choice_ranks", "launch_ranks", "consumer_logs",
    "item_snapshots", "model_profiles", "replayed_requests",
]  # fmt: skip
Deed = Literal[
    "fill", "scale", "add", "noise", "swap", "shuffle", "reverse", "drop", "duplicate", "crowd",
    "delay", "turn_clock", "cut_day",
]  # fmt: skip
Amount = float | Literal["size", "-size"]


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

    on: UpstreamTable | LogTable
    do: Deed
    columns: tuple[str, ...] = ()
    value: float | bool | str | None = None
    by: Amount = 1.0
    share: Amount = 1.0
    where: Mapping[str, bool | str] = Field(default_factory=dict)


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

    component: tuple[str, ...] = Field(min_length=1)
    subject: tuple[str, ...] = ()
    slice: Mapping[str, str] = Field(default_factory=dict)


class FaultFile(_Part):
    """One fault: its name, what happens in words and in steps, how large, what to expect."""

    name: Annotated[str, StringConstraints(pattern=ID_PATTERN)]
    happens: str = Field(min_length=10)
    steps: tuple[Step, ...] = Field(min_length=1)
    magnitude: Scale
    expected: Expected

    @property
    def only_logs(self) -> bool:
        """Whether it touches only what was written, not what was served."""
        return all(step.on not in get_args(UpstreamTable) for step in self.steps)


def read_fault(path: Path) -> FaultFile:
    """Read one fault file. Raises: BadInput in one line, naming file and field."""
    try:
        return FaultFile.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"fault file {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise BadInput(f"fault file {path}: {place}: {first['msg']}") from error


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
    return _in_order([read_fault(path) for path in paths])


def _packaged() -> list[Path]:
    folder = Path(str(files("recsysops.simulation.gauntlet"))) / "faults"
    return sorted(folder.glob("*.toml"))


def _in_order(faults: Sequence[FaultFile]) -> tuple[FaultFile, ...]:
    names = [fault.name for fault in faults]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(f"fault names used twice: {', '.join(repeated)}")
    return tuple(sorted(faults, key=lambda fault: fault.name))
