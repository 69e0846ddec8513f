"""Knows how to replace a part of the emulator so that a vanished part is noticed at once."""

from collections.abc import Callable
from typing import TypeVar

from recsysops.errors import RecSysOpsError

Part = TypeVar("Part")


class ShimOutdatedError(RecSysOpsError):
    """The emulator no longer has the part that a shim replaces: revise or remove the shim."""


def find_part(owner: object, name: str) -> object:
    """Return the attribute `name` of a module or class of the emulator.

    Raises:
        ShimOutdatedError: it is gone, so the shim was written for another version.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        raise ShimOutdatedError(
            f"{_title(owner)} has no {name!r} any more: this shim was written for ministack 1.5.33"
        ) from None


def wrap_part(owner: object, name: str, wrap: Callable[[Callable[..., Part]], object]) -> None:
    """Replace a function of the emulator by what `wrap` makes of the original."""
    original = find_part(owner, name)
    if not callable(original):
        raise ShimOutdatedError(f"{_title(owner)}.{name} is no longer a function")
    setattr(owner, name, wrap(original))


def replace_text(owner: object, name: str, *, old: str, new: str) -> None:
    """Replace the only occurrence of `old` in a text constant of the emulator."""
    text = find_part(owner, name)
    if not isinstance(text, str) or text.count(old) != 1:
        raise ShimOutdatedError(f"{_title(owner)}.{name} no longer holds {old!r} once")
    setattr(owner, name, text.replace(old, new))


def _title(owner: object) -> str:
    return str(getattr(owner, "__name__", owner))
