"""The items of a snapshot, each made when it is first looked at: a scorer looks at few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

ItemT = TypeVar("ItemT")


class LazyItems(Sequence[ItemT], Generic[ItemT]):
    """A sequence that makes its elements from rows; equal to any sequence with equal elements.

    Making 100,000 items costs more than all else of loading a snapshot.
    """

    __slots__ = ("_made", "_make", "rows")

    def __init__(
        self, rows: Sequence[Sequence[object]], make: Callable[[Sequence[object]], ItemT]
    ) -> None:
        self.rows = rows
        self._make = make
        self._made: dict[int, ItemT] = {}

    @overload
    def __getitem__(self, index: int) -> ItemT: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ItemT, ...]: ...
    def __getitem__(self, index: int | slice) -> ItemT | tuple[ItemT, ...]:
        if isinstance(index, slice):
            return tuple(self[row] for row in range(len(self))[index])
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = self._make(self.rows[index])
        return made

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ItemT]:
        return (self[row] for row in range(len(self.rows)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(_same, self, other))

    __hash__ = None  # type: ignore[assignment]  # as a list: equality looks inside


def _same(left: object, right: object) -> bool:
    return left == right
