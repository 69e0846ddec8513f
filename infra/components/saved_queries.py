"""SQL that an operator wants at hand in the Athena console."""

from __future__ import annotations

from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

SAVED_QUERIES: dict[str, tuple[str, str]] = {
    "requests by hour": (
        "How many requests, which share fell back, how slow, for the last two days.",
        """SELECT date_trunc('hour', event_time) AS hour,
       count(*) AS requests,
       avg(CASE WHEN status = 'fallback' THEN 1.0 ELSE 0.0 END) AS fallback_share,
       approx_percentile(latency_ms, 0.99) AS latency_p99_ms
FROM slim_requests
WHERE dt >= date_format(current_date - interval '2' day, '%Y-%m-%d')
GROUP BY 1
ORDER BY 1 DESC""",
    ),
    "models and deltas served": (
        "Which model, delta and hotfix document answered, for the last two days.",
        """SELECT model_id, delta_id, flag_version,
       count(*) AS requests, min(event_time) AS first_seen, max(event_time) AS last_seen
FROM slim_requests
WHERE dt >= date_format(current_date - interval '2' day, '%Y-%m-%d')
GROUP BY 1, 2, 3
ORDER BY last_seen DESC""",
    ),
}


def save_queries(
    scope: Construct, *, database: glue.CfnDatabase, workgroup: athena.CfnWorkGroup
) -> None:
    """Save every query in the workgroup."""
    for name, (description, sql) in SAVED_QUERIES.items():
        athena.CfnNamedQuery(
            scope,
            f"Query{name.title().replace(' ', '')}",
            name=name,
            description=description,
            database=database.ref,
            query_string=sql,
            work_group=workgroup.ref,
        )
