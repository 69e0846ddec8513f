"""Every table of the lake: what is logged, and what jobs derive from it."""

from __future__ import annotations

from recsysops.request_log.job_records import (
    ChoiceRank,
    ItemSnapshotRow,
    LaunchForecastRow,
    LaunchRankRow,
    ModelProfileRow,
    ReplayedRequestRow,
)
from recsysops.request_log.records import (
    ConsumerLog,
    FeedbackEvent,
    FullRequest,
    LogRecord,
    ShadowRequest,
    SimilarLine,
    SlimRequest,
)

TABLES: dict[str, type[LogRecord]] = {
    "slim_requests": SlimRequest,
    "full_requests": FullRequest,
    "shadow_requests": ShadowRequest,
    "similar_requests": SimilarLine,
    "feedback": FeedbackEvent,
    "consumer_logs": ConsumerLog,
    "choice_ranks": ChoiceRank,
    "launch_ranks": LaunchRankRow,
    "replayed_requests": ReplayedRequestRow,
    "model_profiles": ModelProfileRow,
    "item_snapshots": ItemSnapshotRow,
    "launch_forecasts": LaunchForecastRow,
}
"""Every table of the lake by its Glue name."""

PARQUET_TABLES = (
    "slim_requests",
    "full_requests",
    "shadow_requests",
    "similar_requests",
    "feedback",
    "consumer_logs",
)
"""Tables that Firehose converts; the others are gzip JSON lines written by batch jobs."""
