"""The connections of one stack: its settings, its clients, and what every room of ports needs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recsysops.errors import BadInput

if TYPE_CHECKING:
    from recsysops.adapters.aws_clients import AwsClient, Patience
    from recsysops.adapters.polled_document import DocumentSource
    from recsysops.ports import Clock
    from recsysops.settings import Settings


class Connections:
    """Clients of one stack, each made when a port first needs it.

    patience: "request" where a member waits (short timeouts, one retry), else "batch".
    """

    def __init__(self, settings: Settings, *, patience: Patience = "batch") -> None:
        self.settings = settings
        self.clock: Clock = lambda: datetime.now(UTC)
        self._patience: Patience = patience
        self._clients: dict[tuple[str, Patience], AwsClient] = {}
        self._lean_clients: list[AwsClient] = []

    def close_connections(self) -> None:
        """Close every open connection; clients open new ones when they need them."""
        for client in (*self._lean_clients, *self._clients.values()):
            client.close()

    def _client(self, service: str, *, patience: Patience | None = None) -> AwsClient:
        from recsysops.adapters.aws_clients import make_client

        patience = patience or self._patience
        if (service, patience) not in self._clients:
            client = make_client(service, self.settings, patience=patience)
            self._clients[service, patience] = client
        return self._clients[service, patience]

    def _lean(self, client: AwsClient) -> AwsClient:
        """Give a DynamoDB client the short way to one item, for where a member waits."""
        from botocore.httpsession import get_cert_path

        from recsysops.adapters.aws_clients import current_keys
        from recsysops.adapters.lean_dynamodb import LeanDynamoDb

        authorities = os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True)
        lean = LeanDynamoDb(
            client, keys=lambda: current_keys(self.settings), authorities=authorities
        )
        self._lean_clients.append(lean)
        return lean

    def _need(self, name: str) -> str:
        """Return a setting. Raises: BadInput when this function or stage was not given it."""
        value = getattr(self.settings, name)
        if not value:
            raise BadInput(f"{name} is not set: RECSYSOPS_{name.upper()} or outputs.json names it")
        return str(value)

    def _source(self, document: str) -> DocumentSource:
        from recsysops.adapters.polled_document import DocumentSource

        return DocumentSource(
            application_id=self._need("appconfig_application_id"),
            environment_id=self._need(f"{document}_environment_id"),
            profile_id=self._need(f"{document}_profile_id"),
        )
