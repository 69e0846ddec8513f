"""Which windows are due: event time, a watermark, how late lines may come, and who is late.

A window is judged once when the watermark passes its end, and once more (revision 1) after
lateness has closed, when what came late is in the lake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from recsysops.detection.context import Cadence
from recsysops.vocabulary import Window

LENGTHS: Final[Mapping[Cadence, timedelta]] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
LATENESS: Final = timedelta(hours=24)
"""Lines that come later than this after a window's end are never judged; an audit counts them."""
PATIENCE: Final = timedelta(hours=3)
"""How long a silent lake holds the watermark back. Longer, and lost traffic would hide itself:
without new lines no window would ever be judged."""
_CATCH_UP: Final[Mapping[Cadence, int]] = {"hour": 6, "day": 2}
"""After an outage only the newest windows are judged; what was skipped is told as lateness."""
_LATE_AFTER: Final = 2
"""An audit is late when so many lengths of its window (and PATIENCE) passed since the last one."""
_A_DAY: Final = timedelta(days=1)
LEAST_SEASON: Final = timedelta(days=7)
"""The shortest history with every hour of the week in it; with less, the day before serves."""
SEASON_WEEKS: Final = 4


class Judged(BaseModel):
    """How far a cadence has come: ends of windows. closed: the last one judged after lateness."""

    model_config = ConfigDict(frozen=True)
    first: AwareDatetime
    last: AwareDatetime
    closed: AwareDatetime | None = None


class Progress(BaseModel):
    """What was judged so far: by cadence, and by audit the end of the last window it answered.

    known_since: when a run first heard of an audit, so that a new one is not late at once.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    cadences: dict[Cadence, Judged] = {}
    answered: dict[str, AwareDatetime] = {}
    known_since: dict[str, AwareDatetime] = {}


@dataclass(frozen=True, slots=True)
class DueWindow:
    """One window to judge now."""

    every: Cadence
    window: Window
    revision: int

    @property
    def reference(self) -> Window:
        """The same stretch a day before: an hour is never compared with the hour before it."""
        return Window(self.window.start - _A_DAY, self.window.end - _A_DAY)

    @property
    def name(self) -> str:
        """Name the judgement; the workflow takes a name once, so nothing is judged twice.

        >>> hour = Window(datetime(2026, 1, 2, 3, tzinfo=UTC), datetime(2026, 1, 2, 4, tzinfo=UTC))
        >>> DueWindow("hour", hour, 1).name
        'hour-20260102T0300-r1'
        """
        return f"{self.every}-{self.window.start.astimezone(UTC):%Y%m%dT%H%M}-r{self.revision}"

    def to_document(self) -> dict[str, object]:
        """Return what the workflow `audit` is asked."""
        return {
            "window_start": self.window.start.isoformat(),
            "window_end": self.window.end.isoformat(),
            "reference_start": self.reference.start.isoformat(),
            "reference_end": self.reference.end.isoformat(),
            "every": self.every,
            "revision": self.revision,
        }


def find_watermark(newest_event: datetime | None, *, now: datetime) -> datetime:
    """Return the end of the newest hour that is complete, as far as the lake can tell.

    The hour before the newest line's own is complete; a lake that is silent is waited for no
    longer than PATIENCE, and a line from the future moves nothing.
    """
    latest, earliest = _floor(now, "hour"), _floor(now - PATIENCE, "hour")
    if newest_event is None:
        return earliest
    return min(max(_floor(newest_event, "hour"), earliest), latest)


def find_due(progress: Progress, *, watermark: datetime) -> list[DueWindow]:
    """Return the windows to judge now, oldest first within each cadence and revision."""
    return [
        DueWindow(every, Window(end - LENGTHS[every], end), revision)
        for every in LENGTHS
        for revision, ends in enumerate(_due_ends(every, progress.cadences.get(every), watermark))
        for end in ends
    ]


def find_season(progress: Progress, *, before: datetime) -> Window | None:
    """Return the whole weeks that seasonal audits are compared with, up to SEASON_WEEKS.

    They are over, lateness too, so they stand still for a week and are asked once. None until
    hours have been judged for LEAST_SEASON: what the lake held before is not known to be whole,
    and hours that are missing would read as quiet ones.
    """
    hours = progress.cadences.get("hour")
    if hours is None:
        return None
    midnight = _floor(before - LATENESS, "day")
    end = midnight - midnight.weekday() * _A_DAY
    weeks = min(SEASON_WEEKS, (end - (hours.first - LENGTHS["hour"])) // LEAST_SEASON)
    return Window(end - weeks * LEAST_SEASON, end) if weeks >= 1 else None


def note_run(
    progress: Progress,
    *,
    every: Cadence | None,
    window: Window,
    revision: int,
    answered: Iterable[str],
    known: Iterable[str],
) -> Progress:
    """Return the progress after a run: which audits answered, and of which cadence it was."""
    ends = {name: _later(progress.answered.get(name), window.end) for name in answered}
    cadences = dict(progress.cadences)
    if every is not None:
        cadences[every] = _note_window(cadences.get(every), window.end, revision)
    new = {name: window.end for name in known if name not in progress.known_since}
    return Progress(
        cadences=cadences,
        answered={**progress.answered, **ends},
        known_since={**progress.known_since, **new},
    )


def find_late(
    progress: Progress, cadences: Mapping[str, Cadence], *, at: datetime
) -> dict[str, str]:
    """Return audit → why it is late, of the audits that should have answered by `at`."""
    late = {}
    for name, every in cadences.items():
        last = progress.answered.get(name) or progress.known_since.get(name)
        if last is not None and at - last > _LATE_AFTER * LENGTHS[every] + PATIENCE:
            late[name] = f"should answer every {every}; its last window ended {last:%F %R} UTC"
    return late


def _due_ends(
    every: Cadence, judged: Judged | None, watermark: datetime
) -> tuple[list[datetime], list[datetime]]:
    """Return ends of windows for revision 0 and for revision 1."""
    newest = _floor(watermark, every)
    if judged is None:
        return [newest], []
    fresh = list(_ends(every, after=judged.last, until=newest))[-_CATCH_UP[every] :]
    settled = min(judged.last, _floor(watermark - LATENESS, every))
    begun = judged.closed or judged.first - LENGTHS[every]
    return fresh, list(_ends(every, after=begun, until=settled))[-_CATCH_UP[every] :]


def _ends(every: Cadence, *, after: datetime, until: datetime) -> Iterator[datetime]:
    end = after + LENGTHS[every]
    while end <= until:
        yield end
        end += LENGTHS[every]


def _note_window(judged: Judged | None, end: datetime, revision: int) -> Judged:
    if judged is None:
        return Judged(first=end, last=end, closed=end if revision else None)
    if revision:
        return judged.model_copy(update={"closed": _later(judged.closed, end)})
    return judged.model_copy(update={"last": _later(judged.last, end)})


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _floor(moment: datetime, every: Cadence) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if every == "hour" else hour.replace(hour=0)
