"""Finds where we ranked what members chose: rescores every choice whose request was logged."""

from __future__ import annotations

from datetime import datetime, timedelta

from recsysops.errors import ArtefactError, BadData, FlagError
from recsysops.ports import LakeWriter, QueryEngine
from recsysops.request_log.job_records import ChoiceRank
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.serving.activity import name_activity
from recsysops.serving.ranking import rank_item
from recsysops.serving.replay import ranking_request_of
from recsysops.vocabulary import Window
from recsysops.workflows.day_objects import cover_days, day_of, write_days
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.logged_rankings import LoggedRequest, RankReport, report_ranked
from recsysops.workflows.replay_requests import load_logged_catalogue

_LOOK_BACK = timedelta(days=1)
"""A choice may follow its request by this much and still be joined."""

_CHOICES = """
SELECT f.event_time AS chosen_at, f.item_id AS item_id,
       contains(r.shortlist, f.item_id) AS in_shortlist, {logged}
FROM feedback f JOIN full_requests r ON f.request_id = r.request_id
WHERE f.kind IN ('play', 'click', 'rating')
  AND f.event_time >= {start} AND f.event_time < {end} AND f.dt >= {first_day}
  AND r.dt >= {first_request_day}
ORDER BY r.model_id, r.delta_id, f.event_time, f.request_id, f.item_id"""


class LoggedChoice(LoggedRequest):
    """A choice with the request it answered."""

    chosen_at: datetime
    item_id: str
    in_shortlist: bool


def rank_choices(
    window: Window, *, queries: QueryEngine, cache: CatalogueCache, lake: LakeWriter
) -> RankReport:
    """Rescore the choices of a window against all eligible items and write their ranks.

    One row per request and item chosen (play, click or rating) with a full record, for whole UTC
    days. A choice whose artefact, snapshot or flags cannot be read is refused and counted.

    Raises: DependencyError; BadData when the log holds a row that is none.
    """
    choices = read_choices(queries, cover_days(window))
    rows: list[ChoiceRank] = []
    refusals: list[str] = []
    for choice in choices:
        try:
            rows.append(rescore_choice(choice, cache))
        except (ArtefactError, FlagError, BadData) as error:
            refusals.append(str(error))
    keys = write_days("choice_ranks", rows, lake=lake, name="choices")
    return report_ranked(rows, refusals, keys)


def read_choices(queries: QueryEngine, window: Window) -> list[LoggedChoice]:
    """Read a window's choices with their requests, grouped by model and snapshot.

    Repeated events and later choices of the same item in the same request and day count once.
    """
    rows = (read_lake_row(LoggedChoice, row) for row in queries.run(_choices_sql(window)))
    first: dict[tuple[str, str, datetime], LoggedChoice] = {}
    for choice in rows:
        day = day_of(choice.chosen_at)
        first.setdefault((choice.request_id, choice.item_id, day), choice)
    return list(first.values())


def rescore_choice(choice: LoggedChoice, cache: CatalogueCache) -> ChoiceRank:
    """Rank one choice as its request was ranked.

    Raises: ArtefactError, FlagError, BadData, DependencyError.
    """
    catalogue, hotfixes = load_logged_catalogue(choice, cache)
    request = ranking_request_of(choice, catalogue, hotfixes=hotfixes)
    found = rank_item(catalogue, request, choice.item_id)
    return ChoiceRank(
        schema_version=SCHEMA_VERSION,
        request_id=choice.request_id,
        event_time=choice.chosen_at,
        surface=choice.surface,
        member=choice.member,
        member_group=choice.member_group,
        item_id=choice.item_id,
        model_id=choice.model_id,
        delta_id=choice.delta_id,
        eligible=found.eligible,
        rank=found.rank,
        eligible_count=found.eligible_count,
        in_shortlist=choice.in_shortlist,
        inclusion_probability=choice.inclusion_probability,
        traffic=choice.traffic,
        member_known=choice.member_known,
        country=choice.country,
        activity=name_activity(len(choice.excluded)),
    )


def _choices_sql(window: Window) -> str:
    return render_sql(
        _CHOICES,
        logged=Declared(select_columns(LoggedRequest, table="r")),
        start=window.start,
        end=window.end,
        first_day=utc_day(window.start),
        first_request_day=utc_day(window.start - _LOOK_BACK),
    )
