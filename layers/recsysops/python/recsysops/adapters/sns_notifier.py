"""Pages people through an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Mapping

from recsysops.adapters.aws_clients import AwsClient, translate_errors

MAX_SUBJECT = 100


class SnsNotifier:
    """Notifier on a topic."""

    def __init__(self, client: AwsClient, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, subject: str, body: Mapping[str, object]) -> None:
        """Send one message; the body as indented JSON. Raises: DependencyError."""
        with translate_errors("publish to the incident topic"):
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=fit_subject(subject),
                Message=json.dumps(dict(body), indent=1, sort_keys=True, default=str),
            )


def fit_subject(subject: str) -> str:
    """Return a subject as SNS takes it: one line of printable ASCII, at most 100 characters.

    >>> fit_subject("language is null — 12 %")
    'language is null ? 12 %'
    """
    one_line = " ".join(subject.split())
    printable = "".join(mark if " " <= mark <= "~" else "?" for mark in one_line)
    return printable[:MAX_SUBJECT] or "RecSysOps"
