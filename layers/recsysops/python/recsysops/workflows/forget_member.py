"""Forgets a member: the row goes, and with its salt the way from the member to the log."""

from __future__ import annotations

from dataclasses import dataclass

from recsysops.ports import MemberStore

REMAINS = (
    "log lines stay under a pseudonym that nobody can compute again; they expire with the lake",
    "vectors and seen items in full records could still be recognised by their content until "
    "those records expire (90 days)",
    "backups of the members table keep the row, salt included, for up to 35 days",
    "models trained before keep what they learned from the member until the next training; "
    "training data upstream bring the member back, under a new salt, unless deleted there first",
)
"""What forgetting does not reach, told with every answer."""


@dataclass(frozen=True, slots=True)
class ForgottenMember:
    """Whether there was a row, and what remains; never the pseudonym, which would link again."""

    was_known: bool
    remains: tuple[str, ...] = REMAINS


def forget_member(member_id: str, *, members: MemberStore) -> ForgottenMember:
    """Delete a member's row: vectors, seen items, salt.

    A member who comes back is a new one: another salt, another pseudonym. Raises:
    DependencyError, and then nothing is forgotten.
    """
    return ForgottenMember(members.delete(member_id))
