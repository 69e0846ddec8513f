"""Which port is which adapter: every port of one deployed stack, made when first asked for.

Functions and the command line say `ports.items`; only the adapters that are asked for are
imported, so that a cold start pays for nothing else. Tests put memory ports in their place
(`ports.items = MemoryItems()`, `use_ports(ports)`) before anything asks.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from recsysops.errors import BadInput, DependencyError
from recsysops.settings import Settings, settings_from_environment

if TYPE_CHECKING:
    from recsysops.adapters.after_response import AfterResponse, Work
    from recsysops.adapters.appconfig_deployer import AppConfigDeployer
    from recsysops.adapters.appconfig_flags import AppConfigFlags
    from recsysops.adapters.athena_queries import AthenaQueries
    from recsysops.adapters.aws_clients import AwsClient, Patience
    from recsysops.adapters.cognito_token import CognitoToken
    from recsysops.adapters.firehose_log import FirehoseDurableLog, FirehoseLog
    from recsysops.adapters.http_api import HttpApi
    from recsysops.adapters.lambda_calls import LambdaCalls
    from recsysops.adapters.polled_document import DocumentSource
    from recsysops.adapters.snap_start import Renewal
    from recsysops.adapters.stepfunctions_runs import StateMachineRuns
    from recsysops.ports import (
        AuditTrail,
        BlobStore,
        Clock,
        DurableLog,
        IncidentBook,
        ItemStore,
        LakeWriter,
        LogStream,
        MemberReader,
        MemberStore,
        ModelRegistry,
        Notifier,
        RecordedEvents,
    )
    from recsysops.workflows.find_similar_items import SimilarPorts
    from recsysops.workflows.load_catalogue import CatalogueCache
    from recsysops.workflows.recommend_items import RecommendPorts
    from recsysops.workflows.scorer_state import LoadProblem

LAPTOP_FLUSH_SECONDS = 1.0
"""How often the laptop stage, which has no Extensions API, delivers the request log."""


class Ports:
    """Every port of one stack; each is made at most once.

    patience: "request" where a member waits (short timeouts, one retry), else "batch".
    """

    def __init__(self, settings: Settings, *, patience: Patience = "batch") -> None:
        self.settings = settings
        self.clock: Clock = lambda: datetime.now(UTC)
        self._patience: Patience = patience
        self._clients: dict[tuple[str, Patience], AwsClient] = {}
        self._lean_clients: list[AwsClient] = []

    @cached_property
    def members(self) -> MemberStore:
        """Members by id."""
        from recsysops.adapters.dynamodb_members import DynamoMembers

        return DynamoMembers(self._client("dynamodb"), self._need("members_table"))

    @cached_property
    def impatient_members(self) -> MemberReader:
        """Members by id within the stage's deadline, for where a page waits."""
        from recsysops.adapters.dynamodb_members import DynamoMembers
        from recsysops.adapters.resting_members import RestingMembers

        client = self._lean(self._client("dynamodb", patience="member"))
        return RestingMembers(DynamoMembers(client, self._need("members_table")))

    @cached_property
    def items(self) -> ItemStore:
        """Raw item features: the table upstream jobs write."""
        from recsysops.adapters.dynamodb_items import DynamoItems

        return DynamoItems(self._client("dynamodb"), self._need("items_table"))

    @cached_property
    def registry(self) -> ModelRegistry:
        """Which models exist and which is approved."""
        from recsysops.adapters.dynamodb_models import DynamoModels

        return DynamoModels(self._client("dynamodb"), self._need("models_table"))

    @cached_property
    def incidents(self) -> IncidentBook:
        """Incidents and their timelines."""
        from recsysops.adapters.dynamodb_incidents import DynamoIncidents

        return DynamoIncidents(self._client("dynamodb"), self._need("incidents_table"))

    @cached_property
    def blobs(self) -> BlobStore:
        """The artefact bucket: artefacts, deltas, pointers, flag documents."""
        from recsysops.adapters.s3_blobs import S3Blobs

        return S3Blobs(self._client("s3"), self._need("artefact_bucket"))

    @cached_property
    def lake(self) -> LakeWriter:
        """Where batch jobs write result tables."""
        from recsysops.adapters.s3_lake import S3Lake

        return S3Lake(self._client("s3"), self._need("lake_bucket"))

    @cached_property
    def queries(self) -> AthenaQueries:
        """SQL over the lake."""
        from recsysops.adapters.athena_queries import AthenaQueries

        return AthenaQueries(
            self._client("athena"),
            workgroup=self._need("athena_workgroup"),
            database=self._need("glue_database"),
        )

    @cached_property
    def request_log(self) -> FirehoseLog:
        """Where slim lines and full records leave, buffered."""
        from recsysops.adapters.firehose_log import FirehoseLog

        streams: dict[LogStream, str] = {
            "slim_requests": self._need("slim_stream"),
            "full_requests": self._need("full_stream"),
            "shadow_requests": self._need("shadow_stream"),
        }
        return FirehoseLog(self._client("firehose"), streams)

    @cached_property
    def feedback_log(self) -> FirehoseDurableLog:
        """Where feedback leaves, acknowledged."""
        from recsysops.adapters.firehose_log import FirehoseDurableLog

        streams: dict[LogStream, str] = {"feedback": self._need("feedback_stream")}
        return FirehoseDurableLog(self._client("firehose"), streams)

    @cached_property
    def consumer_log(self) -> DurableLog:
        """Where consumers' logs leave, acknowledged."""
        from recsysops.adapters.firehose_log import FirehoseDurableLog

        streams: dict[LogStream, str] = {"consumer_logs": self._need("consumer_stream")}
        return FirehoseDurableLog(self._client("firehose"), streams)

    @cached_property
    def recorded_events(self) -> RecordedEvents:
        """Which feedback was recorded already."""
        from recsysops.adapters.dynamodb_events import DynamoRecordedEvents

        return DynamoRecordedEvents(self._client("dynamodb"), self._need("recorded_events_table"))

    @cached_property
    def mirror_log(self) -> DurableLog:
        """Where another recommender's requests leave, acknowledged."""
        from recsysops.adapters.firehose_log import FirehoseDurableLog

        streams: dict[LogStream, str] = {
            "slim_requests": self._need("slim_stream"),
            "shadow_requests": self._need("shadow_stream"),
        }
        return FirehoseDurableLog(self._client("firehose"), streams)

    @cached_property
    def flags(self) -> AppConfigFlags:
        """What AppConfig serves."""
        from recsysops.adapters.appconfig_flags import AppConfigFlags, FlagSources
        from recsysops.serving.flag_document import LAST_GOOD_KEY

        sources = FlagSources(
            hotfixes=self._source("hotfixes"),
            model=self._source("model"),
            sampling=self._source("sampling"),
        )
        return AppConfigFlags(
            self._client("appconfigdata", patience="poll"),
            sources,
            poll_seconds=self.settings.poll_seconds,
            last_good_hotfixes=lambda: self.blobs.get(LAST_GOOD_KEY).decode("utf-8", "replace"),
        )

    @cached_property
    def hotfix_deployer(self) -> AppConfigDeployer:
        """Deploys hotfix documents."""
        return self._deployer("hotfixes")

    @cached_property
    def model_deployer(self) -> AppConfigDeployer:
        """Deploys model pointers."""
        return self._deployer("model")

    @cached_property
    def sampling_deployer(self) -> AppConfigDeployer:
        """Deploys sampling plans."""
        return self._deployer("sampling")

    @cached_property
    def trail(self) -> AuditTrail:
        """Who deployed which flag document."""
        from recsysops.adapters.dynamodb_trail import DynamoTrail

        return DynamoTrail(self._client("dynamodb"), self._need("audit_trail_table"))

    @cached_property
    def notifier(self) -> Notifier:
        """Pages people."""
        from recsysops.adapters.sns_notifier import SnsNotifier

        return SnsNotifier(self._client("sns"), self._need("incident_topic_arn"))

    @cached_property
    def runs(self) -> StateMachineRuns:
        """Runs of state machines."""
        from recsysops.adapters.stepfunctions_runs import StateMachineRuns

        return StateMachineRuns(self._client("stepfunctions"))

    @cached_property
    def calls(self) -> LambdaCalls:
        """Calls of functions."""
        from recsysops.adapters.lambda_calls import LambdaCalls

        return LambdaCalls(self._client("lambda"))

    @cached_property
    def token(self) -> CognitoToken:
        """The access token of the machine client."""
        from recsysops.adapters.cognito_token import CognitoToken

        return CognitoToken(
            self._client("cognito-idp"),
            token_url=self._need("token_url"),
            user_pool_id=self._need("user_pool_id"),
            client_id=self._need("client_id"),
        )

    @cached_property
    def api(self) -> HttpApi:
        """Our own HTTP API as a client sees it."""
        from recsysops.adapters.http_api import HttpApi

        return HttpApi(self._need("api_url"), token=self.token.token)

    @cached_property
    def catalogues(self) -> CatalogueCache:
        """Artefacts and snapshots, verified and cached."""
        from recsysops.workflows.load_catalogue import CatalogueCache

        return CatalogueCache(self.blobs)

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

    def close_connections(self) -> None:
        """Close every open connection; clients open new ones when they need them."""
        for client in (*self._lean_clients, *self._clients.values()):
            client.close()

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

    def _deployer(self, document: str) -> AppConfigDeployer:
        from recsysops.adapters.appconfig_deployer import AppConfigDeployer, Strategies

        strategies = Strategies(
            staged=self._need("staged_strategy_id"), at_once=self._need("at_once_strategy_id")
        )
        return AppConfigDeployer(
            self._client("appconfig"), self._source(document), strategies=strategies
        )


_PORTS: list[Ports] = []


def process_ports(patience: Patience = "batch") -> Ports:
    """Return this process's ports, made from its environment on the first call.

    Raises: BadInput when the environment holds a setting that does not fit.
    """
    if not _PORTS:
        _PORTS.append(Ports(settings_from_environment(os.environ), patience=patience))
    return _PORTS[0]


def use_ports(ports: Ports | None) -> None:
    """Put ports in the place of this process's own; None forgets them. For tests."""
    _PORTS[:] = [] if ports is None else [ports]


@dataclass(frozen=True, slots=True)
class Scorer:
    """What recommend_items works with."""

    ports: RecommendPorts
    similar: SimilarPorts
    flags: AppConfigFlags
    log: FirehoseLog
    after: AfterResponse
    renewals: tuple[Renewal, ...] = ()

    def drain_problems(self) -> list[LoadProblem]:
        """Return what could not be loaded since the last call."""
        return self.ports.state.drain_problems()


def wire_scorer(ports: Ports) -> Scorer:
    """Wire a scorer, load the newest model, and arrange what happens after responses.

    A model that cannot be loaded is told with the first request: the scorer then answers with
    an empty slate and says why.
    """
    from recsysops.adapters.snap_start import register_renewals
    from recsysops.workflows.find_similar_items import SimilarPorts
    from recsysops.workflows.recommend_items import RecommendPorts
    from recsysops.workflows.scorer_state import ScorerState

    flags, log = ports.flags, ports.request_log
    state = ScorerState(
        cache=ports.catalogues,
        flags=flags,
        monotonic=time.monotonic,
        poll_seconds=ports.settings.poll_seconds,
    )
    with _collecting_later():
        state.poll()
    recommend = RecommendPorts(
        state=state,
        members=ports.impatient_members,
        flags=flags,
        log=log,
        perf_counter=time.perf_counter,
    )

    def work() -> None:
        log.flush()
        flags.refresh_early()

    similar = SimilarPorts(state, flags)
    after = _arrange(work, log, stage=ports.settings.stage)
    # a restored sandbox: nobody is at the other end, and everything read may be days old
    renewals = (ports.close_connections, flags.expire, flags.refresh_early, state.expire)
    register_renewals(renewals)
    return Scorer(recommend, similar, flags, log, after, renewals)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Load without collecting garbage, and leave what was loaded out of every later collection.

    A catalogue is a million objects that live as long as the sandbox: walking them is the longest
    pause a request could meet.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def _arrange(work: Work, log: FirehoseLog, *, stage: str) -> AfterResponse:
    """Choose who works after responses: Lambda's Extensions API, a thread, or the request."""
    from recsysops.adapters.after_response import BackgroundWork, InlineWork

    if stage == "laptop":
        return BackgroundWork(
            work, period_seconds=LAPTOP_FLUSH_SECONDS, is_due=lambda: log.is_due
        ).start()
    from recsysops.adapters.log_extension import LogExtension

    try:
        return LogExtension(os.environ.get("AWS_LAMBDA_RUNTIME_API", ""), work).start()
    except DependencyError:
        # slower for members, but no line is lost
        return InlineWork(work)
