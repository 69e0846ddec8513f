"""The connections of one stack: its settings, its clients, and what every room of ports needs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from recsysops.errors import BadInput

if TYPE_CHECKING:
    from recsysops.adapters.aws_clients import AwsClient, LazyClient, Patience
    from recsysops.adapters.lean_http import LeanHttp
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
        self._clients: dict[tuple[str, Patience], LazyClient] = {}
        self._lean: list[LeanHttp] = []

    def close_connections(self) -> None:
        """Close every open connection; clients open new ones when they need them."""
        for http in self._lean:
            http.close()
        for client in self._clients.values():
            client.close()

    def make_clients(self) -> None:
        """Make every client that was named so far, as before a snapshot of the process."""
        for client in self._clients.values():
            client.make()

    def _client(self, service: str, *, patience: Patience | None = None) -> AwsClient:
        from recsysops.adapters.aws_clients import LazyClient, make_client

        patience = patience or self._patience
        if (service, patience) not in self._clients:
            make = partial(make_client, service, self.settings, patience=patience)
            self._clients[service, patience] = LazyClient(make)
        return self._clients[service, patience]

    def _lean_dynamodb(self) -> AwsClient:
        """Give a DynamoDB client the short way to one item, for where a member waits."""
        from recsysops.adapters.lean_dynamodb import LeanDynamoDb

        client = self._client("dynamodb", patience="member")
        http = self._lean_http("dynamodb", patience="member")
        return client if http is None else LeanDynamoDb(client, http)

    def _lean_appconfig(self) -> AwsClient:
        """Give an AppConfig client the short way to a document."""
        from recsysops.adapters.lean_start import LeanAppConfig

        client = self._client("appconfigdata", patience="poll")
        http = self._lean_http("appconfigdata", patience="poll", signed_as="appconfig")
        return client if http is None else LeanAppConfig(client, http)

    def _lean_s3(self, bucket: str) -> AwsClient:
        """Give an S3 client the short way to an object, where a member waits for a start."""
        from recsysops.adapters.aws_clients import plain_endpoint
        from recsysops.adapters.lean_start import LeanS3

        client, url = self._client("s3"), plain_endpoint("s3", self.settings)
        # certificates name one label before the service: such a bucket stands in the path
        if self._patience == "batch" or url is None or "." in bucket:
            return client
        is_aws = url.endswith(".amazonaws.com")
        url = url.replace("https://", f"https://{bucket}.", 1) if is_aws else url
        http = self._lean_http("s3", patience=self._patience, url=url)
        folder = "" if is_aws else f"/{bucket}"
        return client if http is None else LeanS3(client, http, bucket=bucket, folder=folder)

    def _lean_http(
        self,
        service: str,
        *,
        patience: Patience,
        signed_as: str | None = None,
        url: str | None = None,
    ) -> LeanHttp | None:
        """Return plain calls of a service, None where only botocore knows its address."""
        from recsysops.adapters.authorities import find_authorities
        from recsysops.adapters.aws_clients import current_keys, plain_endpoint, timeouts_of
        from recsysops.adapters.lean_http import LeanHttp, Peer

        url = url or plain_endpoint(service, self.settings)
        if url is None:
            return None
        waits = timeouts_of(patience, self.settings)
        peer = Peer(url, signed_as or service, self.settings.region, *waits)
        keys = partial(current_keys, self.settings)
        http = LeanHttp(peer, keys=keys, authorities=find_authorities())
        self._lean.append(http)
        return http

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
