"""Days of made-up catalogue and traffic written into an in-process lake, for audits to judge.

No model is behind it: contributions and ranks are drawn. What a test corrupts, it corrupts here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.model.profile import list_segments, sum_by_group
from recsysops.request_log.job_records import (
    PROFILE_DAY,
    ChoiceRank,
    ItemSnapshotRow,
    ModelProfileRow,
    ReplayedRequestRow,
)
from recsysops.request_log.records import FullRequest, SlimRequest
from recsysops.request_log.schema import encode_record, to_row
from recsysops.vocabulary import ItemFeatures, ProfileSubject, Window, hash_group

REFERENCE = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
WINDOW = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
NOW = datetime(2026, 3, 3, 1, tzinfo=UTC)
MODEL = "m-good"
BLOCKS = ("genre", "year", "language", "collaborative", "popularity")
LANGUAGES = ("en", "fr", "es", "de", "ja", "hi")
LANGUAGE_SHARES = (0.4, 0.25, 0.15, 0.1, 0.08, 0.02)
GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance", "Sci-Fi", "War")
MEMBERS = 300
REPLAYS = 200


def known_popularity(item: ItemFeatures) -> float:
    """Log plays of an item, the same every day."""
    return round(float(np.random.default_rng(int(item.item_id[2:])).normal(2.0, 1.2)), 4)


@dataclass(frozen=True)
class Day:
    """How one day of traffic went; the defaults are a quiet one."""

    window: Window
    requests: int = 800
    model_id: str = MODEL
    zero_blocks: Sequence[str] = ()
    block_shift: Mapping[str, float] = field(default_factory=dict)
    score_shift: float = 0.0
    rank_factor: float = 1.0
    fallback_share: float = 0.01
    refused_document: str | None = None
    hotfix_ids: Sequence[str] = ()
    surface_shares: Mapping[str, float] = field(default_factory=lambda: {"home": 1.0})
    popularity: Callable[[ItemFeatures], float] = known_popularity
    trained: Callable[[ProfileSubject, ItemFeatures], float] = lambda _subject, item: (
        1.0 + (known_popularity(item) / 10.0)
    )
    trained_at: datetime = NOW
    differing_share: float = 0.0
    shown: Sequence[str] = tuple(f"i-{place:05d}" for place in range(10))


def make_catalogue(count: int, rng: np.random.Generator) -> list[ItemFeatures]:
    """Items of eight suppliers with the first day's batch."""
    return [_make_item(number, rng) for number in range(count)]


def _make_item(number: int, rng: np.random.Generator) -> ItemFeatures:
    genres = rng.choice(len(GENRES), size=int(rng.integers(1, 4)), replace=False)
    return ItemFeatures(
        item_id=f"i-{number:05d}",
        title=f"Item {number}",
        genres=tuple(GENRES[code] for code in genres),
        year=None if rng.random() < 0.005 else int(2025 - rng.gamma(2.0, 12.0)),
        language=LANGUAGES[int(rng.choice(len(LANGUAGES), p=LANGUAGE_SHARES))],
        price=None if rng.random() < 0.005 else round(float(np.exp(rng.normal(2.2, 0.35))), 2),
        in_stock=bool(rng.random() < 0.95),
        launch_date=None,
        source=f"supplier-{int(rng.integers(1, 9))}",
        batch=REFERENCE.start.date().isoformat(),
        version=1,
        simulated=("title",),
    )


def next_batch(
    items: Sequence[ItemFeatures], day: date, rng: np.random.Generator
) -> list[ItemFeatures]:
    """Every supplier's nightly batch: small price moves, some stock comes and goes."""
    return [
        replace(
            item,
            price=None
            if item.price is None
            else round(item.price * float(np.exp(0.01 * rng.normal())), 2),
            in_stock=bool(item.in_stock) ^ bool(rng.random() < 0.01),
            batch=day.isoformat(),
            version=item.version + 1,
        )
        for item in items
    ]


def write_day(
    lake: DuckDbLake, day: Day, items: Sequence[ItemFeatures], rng: np.random.Generator
) -> None:
    """Write one snapshot, its requests, a quarter of them in full, and the ranks of choices."""
    delta_id = write_snapshot(lake, day, items)
    write_profile(lake, day, items)
    _write_replays(lake, day)
    choices = [_write_request(lake, day, n, delta_id, items, rng) for n in range(day.requests)]
    lake.write_rows(
        "choice_ranks",
        rows=[to_row(choice) for choice in choices if choice is not None],
        ingest_time=day.window.end,
        name=f"choices-{delta_id}",
    )


def write_snapshot(lake: DuckDbLake, day: Day, items: Sequence[ItemFeatures]) -> str:
    """Write the catalogue as a day serves it and return the snapshot's id."""
    delta_id = f"d-{day.window.start:%Y%m%d}"
    lake.write_rows(
        "item_snapshots",
        rows=[_snapshot_row(item, delta_id, day) for item in items],
        ingest_time=day.window.start,
        name=delta_id,
    )
    return delta_id


def write_profile(lake: DuckDbLake, day: Day, items: Sequence[ItemFeatures]) -> None:
    """Write what the day's model looks like; it need not have answered anything."""
    groups = np.array([hash_group(item.item_id) for item in items])
    subjects: tuple[ProfileSubject, ...] = ("genre", "year", "collaborative", "training_plays")
    rows = [
        ModelProfileRow(
            model_id=day.model_id, trained_at=day.trained_at, data_hash="none", **asdict(sums)
        )
        for subject in subjects
        for values in [np.array([day.trained(subject, item) for item in items])]
        for segment, places in list_segments(list(items)).items()
        for sums in sum_by_group(subject, segment, values[places], groups[places])
    ]
    lake.write_rows(
        "model_profiles",
        rows=[to_row(row) for row in rows],
        ingest_time=datetime.fromisoformat(PROFILE_DAY).replace(tzinfo=UTC),
        name=f"profile-{day.model_id}",
    )


def _write_replays(lake: DuckDbLake, day: Day) -> None:
    differs = np.random.default_rng(day.window.start.day).random(REPLAYS) < day.differing_share
    rows = [
        ReplayedRequestRow(
            request_id=f"r-{day.window.start:%d}-{number}",
            event_time=day.window.start + timedelta(minutes=number),
            surface="home",
            member=f"p{number % MEMBERS}",
            member_group=hash_group(f"p{number % MEMBERS}"),
            model_id=day.model_id,
            delta_id=f"d-{day.window.start:%Y%m%d}",
            outcome="different" if differs[number] else "bit_equal",
            reason="contributions" if differs[number] else None,
            blocks=list(BLOCKS),
            block_differences=[0.0, 0.3 * float(differs[number]), 0.0, 0.0, 0.0],
            inclusion_probability=0.25,
            traffic="simulated",
        )
        for number in range(min(REPLAYS, day.requests))
    ]
    lake.write_rows(
        "replayed_requests",
        rows=[to_row(row) for row in rows],
        ingest_time=day.window.start,
        name=f"replays-{day.window.start:%Y%m%d}",
    )


def _write_request(  # noqa: PLR0917 - a fixture's row, read from left to right
    lake: DuckDbLake,
    day: Day,
    number: int,
    delta_id: str,
    items: Sequence[ItemFeatures],
    rng: np.random.Generator,
) -> ChoiceRank | None:
    member = f"p{int(rng.integers(MEMBERS))}"
    moment = day.window.start + timedelta(milliseconds=int(rng.integers(86_400_000)))
    fallback = bool(rng.random() < day.fallback_share)
    full = not fallback and bool(rng.random() < 0.25)
    parts = _contributions(day, member, rng)
    shared = {
        "request_id": f"r-{day.window.start:%d}-{number}",
        "event_time": moment,
        "surface": str(rng.choice(list(day.surface_shares), p=list(day.surface_shares.values()))),
        "member": member,
        "member_group": hash_group(member),
        "model_id": day.model_id,
        "delta_id": delta_id,
        "traffic": "simulated",
    }
    logged = {
        **shared,
        "member_known": not fallback,
        "flag_version": "",
        "hotfix_ids": list(day.hotfix_ids),
        "arm": "explore" if rng.random() < 0.1 else "greedy",
        "shown": list(day.shown),
        "propensities": [0.99] * len(day.shown),
        "status": "fallback" if fallback else "ok",
        "fallback_reason": "unknown_member" if fallback else None,
        "stratum": "home/known/no-launch/greedy",
        "inclusion_probability": 0.25,
        "eligible_count": len(items),
    }
    scores = np.sort(parts.sum(axis=1))[::-1] + day.score_shift
    slim = SlimRequest(
        **logged,
        flag_rejected=day.refused_document,
        scores=scores[: len(day.shown)].tolist(),
        latency_ms=3.0,
        full=full,
    )
    lake.write("slim_requests", [encode_record(slim)])
    if not full:
        return None
    lake.write("full_requests", [encode_record(_full(logged, parts))])
    rank = min(len(items), 1 + int(day.rank_factor * np.exp(rng.normal(4.0, 1.5))))
    return ChoiceRank(
        **shared,
        item_id=items[int(rng.integers(len(items)))].item_id,
        eligible=True,
        rank=rank,
        eligible_count=len(items),
        in_shortlist=rank <= 100,
        inclusion_probability=0.25,
    )


def _full(logged: Mapping[str, object], parts: np.ndarray) -> FullRequest:
    return FullRequest(
        **logged,
        member_vector="AA==",
        context="{}",
        limit=10,
        candidates=[],
        excluded=[],
        explore_rate=0.1,
        shortlist=logged["shown"],
        scores=parts.sum(axis=1).tolist(),
        blocks=list(BLOCKS),
        contributions=parts.ravel().tolist(),
        code_version="0",
        fingerprint="none",
        input_digest="none",
    )


def _contributions(day: Day, member: str, rng: np.random.Generator) -> np.ndarray:
    """(10, blocks): a member's taste plus noise, so rows of one member go together."""
    taste = np.random.default_rng(hash_group(member) + 31 * len(member)).normal(0, 0.3, len(BLOCKS))
    parts = taste + rng.normal(0.5, 0.3, size=(10, len(BLOCKS)))
    parts[rng.random(parts.shape) < 0.05] = 0.0  # an item without a known value adds nothing
    for place, block in enumerate(BLOCKS):
        parts[:, place] += day.block_shift.get(block, 0.0)
        if block in day.zero_blocks:
            parts[:, place] = 0.0
    return parts


def _snapshot_row(item: ItemFeatures, delta_id: str, day: Day) -> dict[str, object]:
    return to_row(
        ItemSnapshotRow(
            delta_id=delta_id,
            as_of=day.window.start,
            model_id=day.model_id,
            item_id=item.item_id,
            item_group=hash_group(item.item_id),
            title=item.title,
            genres=list(item.genres),
            year=item.year,
            language=item.language,
            price=item.price,
            in_stock=item.in_stock,
            launch_date=item.launch_date.isoformat() if item.launch_date else None,
            source=item.source,
            batch=item.batch,
            version=item.version,
            changed=False,
            log_popularity=day.popularity(item),
            simulated=list(item.simulated),
        )
    )
