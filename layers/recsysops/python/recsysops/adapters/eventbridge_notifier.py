"""Tells machines of incidents through an EventBridge bus, beside the people that SNS pages."""

from __future__ import annotations

import json
from collections.abc import Mapping

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.errors import DependencyError

SOURCE = "recsysops"
DETAIL_TYPE = "recsysops.incident"


class EventBridgeNotifier:
    """Notifier whose messages are events of type DETAIL_TYPE on one bus."""

    def __init__(self, client: AwsClient, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def publish(self, subject: str, body: Mapping[str, object]) -> None:
        """Put one event. Raises: DependencyError, also when the bus refuses the entry."""
        entry = {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps({**body, "subject": subject}, default=str),
        }
        with translate_errors("put an event on the incident bus"):
            answer = self._client.put_events(Entries=[entry])
        if answer.get("FailedEntryCount"):
            raise DependencyError(f"the incident bus refused an event: {answer['Entries'][0]}")
