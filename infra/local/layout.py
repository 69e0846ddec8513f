"""Knows where the laptop stage keeps its files."""

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Layout:
    """Every path of one laptop stage; two stages with different roots do not meet."""

    root: Path = REPOSITORY / "build" / "local"
    assembly: Path = REPOSITORY / "build" / "cdk" / "laptop"

    @property
    def record(self) -> Path:
        """Which process serves, and how it was started."""
        return self.root / "ministack.pid"

    @property
    def log(self) -> Path:
        """What the emulator says."""
        return self.root / "ministack.log"

    @property
    def state(self) -> Path:
        """What the emulator remembers over a restart, except the objects in buckets."""
        return self.root / "state"

    @property
    def objects(self) -> Path:
        """The objects in its buckets."""
        return self.root / "objects"

    @property
    def scratch(self) -> Path:
        """Its temporary folder, with those of its Lambda workers; gone when it is down."""
        return self.root / "tmp"

    @property
    def outputs(self) -> Path:
        """The names of what was deployed."""
        return self.root / "outputs.json"
