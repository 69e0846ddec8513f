"""The one place that makes Logger and Metrics objects, so that all of them look the same."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "RecSysOps"


def make_logger(service: str) -> Logger:
    """Make the structured logger of one function; log identities only as pseudonyms."""
    return Logger(service=service)


def make_metrics(service: str) -> Metrics:
    """Make the EMF metrics object of one function."""
    return Metrics(namespace=NAMESPACE, service=service)
