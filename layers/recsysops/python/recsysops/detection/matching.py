"""Where the causes of one run belong in the book of incidents that earlier runs wrote.

Runs look at stretches of different length: an hour sees a symptom, the day its cause. What would
have been folded in one run is folded across runs, so that one cause is one incident, whoever saw
it first; and what is elsewhere stays another incident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from recsysops.detection.context import AuditContext
from recsysops.detection.fold import FoundCause, explains
from recsysops.detection.incidents import incident_id_of
from recsysops.detection.lifecycle import was_resolved_since
from recsysops.detection.places import Place, covers, is_same_place, moved_share, place_of
from recsysops.detection.sightings import seen_share, was_seen_last
from recsysops.vocabulary import Finding, Incident

Belonging = Literal["repeat", "same", "root", "symptom", "back", "past", "new"]
"""How a cause and its incident belong together.

repeat: this very window opened it. same: it goes on. root: the incident was of a symptom, or of a
part, of what is named now. symptom: the incident's cause makes it. back: it was resolved lately.
past: it was resolved after this window began, which shows what was mended since.
"""

_MUCH_MORE: Final = 2.0
"""A known symptom that is so many times larger than it was is news."""
_MOST_OF_IT: Final = 0.5
"""What may come of anything is explained only by what was there for so much of the window."""


@dataclass(frozen=True, slots=True)
class Match:
    """A cause, the incident that it belongs to (None: a new one), and open ones that join it."""

    cause: FoundCause
    belonging: Belonging
    incident: Incident | None = None
    joined: tuple[Incident, ...] = ()

    @property
    def incident_ids(self) -> frozenset[str]:
        """The incidents of the book that this cause is told in."""
        own = (self.incident,) if self.incident else ()
        return frozenset(one.incident_id for one in (*own, *self.joined))


def match_causes(
    causes: Sequence[FoundCause],
    *,
    known: Sequence[Incident],
    comes_back: Callable[[Incident], bool],
    context: AuditContext,
) -> list[Match]:
    """Return where each cause of a run belongs; a cause in two places is two matches.

    known: the whole book. comes_back: whether a resolved incident is reopened when seen again.
    """
    oldest_first = sorted(known, key=lambda one: (one.detected_at, one.incident_id))
    matching = _Matching(
        by_id={one.incident_id: one for one in known},
        open=[one for one in oldest_first if one.status != "resolved"],
        back=[one for one in reversed(oldest_first) if comes_back(one)],
        context=context,
    )
    return [match for cause in causes for match in matching.match(cause)]


@dataclass(slots=True)
class _Matching:
    """The book while causes find their places in it; an open incident belongs to one cause."""

    by_id: dict[str, Incident]
    open: list[Incident]
    back: list[Incident]
    context: AuditContext

    def match(self, cause: FoundCause) -> Iterator[Match]:
        alike = [one for one in self.open if _names(one) == (cause.component, cause.subject)]
        for part, incident in _split(cause, alike):
            yield self._take(self._belong(part, incident))

    def _take(self, match: Match) -> Match:
        taken = match.incident_ids
        self.open = [one for one in self.open if one.incident_id not in taken]
        return match

    def _belong(self, part: FoundCause, incident: Incident | None) -> Match:
        if repeated := self.by_id.get(incident_id_of(part, self.context)):
            return Match(part, "repeat", repeated)
        parts, symptoms = self._parts_of(part, incident), self._symptoms_of(part)
        if incident is not None:
            before, now = _place(incident), place_of(part.root)
            wider = now != before and covers(now, before)
            return Match(part, "root" if wider else "same", incident, (*parts, *symptoms))
        if adopted := [*parts, *symptoms]:
            return Match(part, "root", adopted[0], tuple(adopted[1:]))
        if root := next((one for one in self.open if self._makes(one, part)), None):
            return Match(part, "symptom", root)
        return self._come_back(part)

    def _come_back(self, part: FoundCause) -> Match:
        again = next((one for one in self.back if is_same_cause(one, part)), None)
        if again is None:
            return Match(part, "new")
        is_past = was_resolved_since(again, self.context.window_start)
        return Match(part, "past" if is_past else "back", again)

    def _parts_of(self, part: FoundCause, incident: Incident | None) -> list[Incident]:
        """Return other open incidents of the same subject in places within the cause's."""
        names = (part.component, part.subject)
        return [
            one
            for one in self.open
            if one is not incident
            and _names(one) == names
            and covers(place_of(part.root), _place(one))
        ]

    def _symptoms_of(self, part: FoundCause) -> list[Incident]:
        """Return open incidents that the cause explains, seen while it was there."""
        return [
            one
            for one in self.open
            if one.findings
            and _names(one) != (part.component, part.subject)
            and _explain(part.findings, one.findings[0])
            and not explains(one.findings[0], part.root)
            and seen_share(one, self.context) > 0.0
        ]

    def _makes(self, incident: Incident, part: FoundCause) -> bool:
        """Tell whether an open incident's cause makes this one: at the same time, or as before."""
        share = seen_share(incident, self.context)
        if not _explain(incident.findings, part.root, by_name=share < _MOST_OF_IT):
            return False
        return share > 0.0 or (was_seen_last(incident) and _has_shown(incident, part.root))


def is_same_cause(incident: Incident, cause: FoundCause) -> bool:
    """Tell whether an incident speaks of the same component, subject and place."""
    names = (cause.component, cause.subject)
    return _names(incident) == names and is_same_place(_place(incident), place_of(cause.root))


def is_told_by(incident: Incident, finding: Finding) -> bool:
    """Tell whether a finding says that the incident's own fault is there."""
    names = (finding.component, finding.subject)
    return _names(incident) == names and is_same_place(_place(incident), place_of(finding))


def _split(
    cause: FoundCause, alike: Sequence[Incident]
) -> Iterator[tuple[FoundCause, Incident | None]]:
    """Yield the parts of a cause that open incidents of its subject know, then the rest.

    A finding is known at the incident's place, or where the incident was seen too, as large. Others
    only mirror the known ones when they move no more rows. Symptoms stay with their root.
    """
    own = [f for f in cause.findings if (f.component, f.subject) == _names(cause)]
    symptoms = [f for f in cause.findings if f not in own]
    for incident in alike:
        mine = [finding for finding in own if _knows(incident, finding)]
        if not mine:
            continue
        most = max(map(moved_share, mine))
        mine = [f for f in own if f in mine or moved_share(f) <= most]
        yield FoundCause([*mine, *(symptoms if cause.root in mine else ())]), incident
        own = [finding for finding in own if finding not in mine]
    if own:
        yield FoundCause([*own, *(symptoms if cause.root in own else ())]), None


def _explain(cause: Sequence[Finding], symptom: Finding, *, by_name: bool = False) -> bool:
    """Tell whether what a cause's own findings say, there or everywhere, makes the symptom."""
    return any(
        explains(one, symptom, by_name=by_name) and covers(place_of(one), place_of(symptom))
        for one in cause
        if (one.component, one.subject) == (cause[0].component, cause[0].subject)
    )


def _knows(incident: Incident, finding: Finding) -> bool:
    if is_same_place(_place(incident), place_of(finding)):
        return True
    return any(
        moved_share(finding) <= _MUCH_MORE * moved_share(one)
        for one in incident.findings
        if (one.component, one.subject) == (finding.component, finding.subject)
        and is_same_place(place_of(one), place_of(finding))
    )


def _has_shown(incident: Incident, symptom: Finding) -> bool:
    return any(
        symptom.effect <= _MUCH_MORE * one.effect
        for one in incident.findings
        if (one.component, one.subject) == (symptom.component, symptom.subject)
        and is_same_place(place_of(one), place_of(symptom))
    )


def _place(incident: Incident) -> Place:
    return place_of(incident.findings[0]) if incident.findings else {}


def _names(one: Incident | FoundCause) -> tuple[str, str]:
    return one.component, one.subject
