"""The Open Bandit data set: a fashion shop's logged decisions with their true propensities.

Layout as published: {policy}/{campaign}/{campaign}.csv (or .csv.gz), policies `random` and `bts`
(Bernoulli Thompson sampling), campaigns all, men, women; one row per slot shown (Saito, Aihara,
Matsutani and Narita, "Open Bandit Dataset and Pipeline", 2021, arXiv 2008.07146).
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadData, BadInput

BanditPolicy = Literal["random", "bts"]
Campaign = Literal["all", "men", "women"]

POSITIONS = 3
ITEMS: Mapping[Campaign, int] = {"all": 80, "men": 34, "women": 46}
_USER_COLUMNS = tuple(f"user_feature_{number}" for number in range(4))
_PROPENSITY_COLUMNS = ("propensity_score", "action_prob")
"""The small and the full edition name it differently."""


@dataclass(frozen=True, slots=True, eq=False)
class BanditLog:
    """n shown slots; every array (n,).

    item: 0..items-1. position: 0..2, left to right. click: 0 or 1. propensity: of this item at
    this position at that time. user: number of the combination of user features, the closest
    thing to a member that the data holds.
    """

    policy: BanditPolicy
    campaign: Campaign
    item: NDArray[np.intp]
    position: NDArray[np.intp]
    click: NDArray[np.float64]
    propensity: NDArray[np.float64]
    user: NDArray[np.intp]

    @property
    def item_count(self) -> int:
        """Items that the campaign chooses from."""
        return ITEMS[self.campaign]


def load_open_bandit(folder: Path, *, policy: BanditPolicy, campaign: Campaign) -> BanditLog:
    """Read one policy's log of one campaign.

    Raises: BadInput when the folder lacks it; BadData naming file and line that do not fit.
    """
    path = _find_log(folder, policy, campaign)
    users: dict[tuple[str, ...], int] = {}
    rows: list[tuple[int, int, float, float, int]] = []
    for line, row in _read_rows(path):
        try:
            key = tuple(row[name] for name in _USER_COLUMNS)
            user = users.setdefault(key, len(users))
            rows.append((*_read_decision(row, items=ITEMS[campaign]), user))
        except (KeyError, TypeError, ValueError) as error:
            raise BadData(f"{path} line {line}: {error}") from error
    if not rows:
        raise BadData(f"{path} holds no decision")
    item, position, click, propensity, member = zip(*rows, strict=True)
    return BanditLog(
        policy=policy,
        campaign=campaign,
        item=np.array(item, dtype=np.intp),
        position=np.array(position, dtype=np.intp),
        click=np.array(click, dtype=np.float64),
        propensity=np.array(propensity, dtype=np.float64),
        user=np.array(member, dtype=np.intp),
    )


def _find_log(folder: Path, policy: BanditPolicy, campaign: Campaign) -> Path:
    place = folder / policy / campaign
    for path in (place / f"{campaign}.csv.gz", place / f"{campaign}.csv"):
        if path.is_file():
            return path
    raise BadInput(f"no Open Bandit log at {place}/{campaign}.csv or .csv.gz")


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with _open_text(path) as lines:
            yield from enumerate(csv.DictReader(lines), start=2)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise BadData(f"{path} cannot be read: {error}") from error


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _read_decision(row: Mapping[str, str], *, items: int) -> tuple[int, int, float, float]:
    item, position, click = int(row["item_id"]), int(row["position"]), float(row["click"])
    propensity = float(next(row[name] for name in _PROPENSITY_COLUMNS if name in row))
    if not 0 <= item < items:
        raise ValueError(f"item_id {item} is not from 0 to {items - 1}")
    if not 1 <= position <= POSITIONS:
        raise ValueError(f"position {position} is not from 1 to {POSITIONS}")
    if click not in (0.0, 1.0):
        raise ValueError(f"click {click} is neither 0 nor 1")
    if not (math.isfinite(propensity) and 0.0 < propensity <= 1.0):
        raise ValueError(f"propensity {propensity} is not in (0, 1]")
    return item, position - 1, click, propensity
