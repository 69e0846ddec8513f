"""How long logs are kept, as CloudWatch understands it."""

from __future__ import annotations

from aws_cdk import aws_logs as logs

_RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def retention_of(days: int) -> logs.RetentionDays:
    """Return CloudWatch's name for a number of days.

    Raises: ValueError naming the numbers that CloudWatch takes.
    """
    if days not in _RETENTION:
        raise ValueError(f"logs cannot be kept {days} days; allowed: {sorted(_RETENTION)}")
    return _RETENTION[days]
