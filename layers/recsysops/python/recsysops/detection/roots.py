"""How an audit says which other audits' findings make its own: the rules that folding obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from recsysops.vocabulary import Finding

ANYTHING: Final = "anything"
"""A rule's `by`: whatever else was found, nearer to the root."""
_OWNERS: Final = ("candidate ", "surface ")


def owner_of(subject: str) -> str:
    """Return whose block a subject names, '' for what serves everybody.

    >>> owner_of("candidate m-1/genre"), owner_of("genre")
    ('candidate m-1', '')
    """
    return subject.rpartition("/")[0] if subject.startswith(_OWNERS) else ""


def block_of(subject: str) -> str:
    """Return the subject without its owner."""
    return subject.rpartition("/")[2] if owner_of(subject) else subject


def is_idle(owner: str) -> bool:
    """Tell whether an owner answers nobody yet: a candidate."""
    return owner.startswith(_OWNERS[0])


def _may_make(root: str, subject: str) -> bool:
    """What answers nobody makes nothing else, and nothing else makes it."""
    owners = owner_of(root), owner_of(subject)
    return owners[0] == owners[1] or not any(map(is_idle, owners))


@dataclass(frozen=True, slots=True)
class Root:
    """One rule of an audit's `explained_by`: such a root alone would make such findings of ours.

    by: name of an audit, a component, or ANYTHING. metrics and subjects: only these of our
    findings; root_metrics and root_subjects: only these of the root's (empty: all).
    same_subject: both speak of one subject. feeds: root's subject → ours (e.g. feature → block).
    same_slice: no dimension that both name has another value.

    >>> wrong_model = Root("served_model", metrics=("mean_shift",))
    >>> wrong_model.by
    'served_model'
    """

    by: str
    metrics: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    root_metrics: tuple[str, ...] = ()
    root_subjects: tuple[str, ...] = ()
    same_subject: bool = False
    same_slice: bool = False
    feeds: Mapping[str, str] = field(default_factory=dict)

    def explains(self, root: Finding, finding: Finding) -> bool:
        """Tell whether the rule holds between a root's finding and one of ours."""
        return (
            self.by in (ANYTHING, root.audit, root.component)
            and _may_make(root.subject, finding.subject)
            and _is_among(finding.metric, self.metrics)
            and _is_among(finding.subject, self.subjects)
            and _is_among(root.metric, self.root_metrics)
            and _is_among(root.subject, self.root_subjects)
            and (not self.same_subject or root.subject == finding.subject)
            and (not self.same_slice or _agree(root.slice, finding.slice))
            and (not self.feeds or self.feeds.get(root.subject) == finding.subject)
        )


def _is_among(name: str, allowed: tuple[str, ...]) -> bool:
    return not allowed or name in allowed


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(dimension, value) == value for dimension, value in one.items())
