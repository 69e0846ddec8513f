"""What AppConfig serves right now: hotfixes, model pointer and sampling plan, last good kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from recsysops.adapters.aws_clients import AwsClient
from recsysops.adapters.polled_document import (
    PATIENCE_SECONDS,
    DocumentSource,
    PolledDocument,
    SharedRest,
)
from recsysops.errors import DependencyError, FlagError
from recsysops.serving.flag_document import parse_flag_document
from recsysops.serving.roll_out import parse_model_pointer, parse_sampling_plan
from recsysops.vocabulary import FlagDocument, ModelPointer, SamplingPlan

AnyDocument = (
    PolledDocument[FlagDocument]
    | PolledDocument[ModelPointer | None]
    | PolledDocument[SamplingPlan]
)

NO_HOTFIXES = FlagDocument(version="")


@dataclass(frozen=True, slots=True)
class FlagSources:
    """Where the three documents are deployed."""

    hotfixes: DocumentSource
    model: DocumentSource
    sampling: DocumentSource


class AppConfigFlags:
    """FlagReader on the AppConfig data plane.

    Every answer is at most poll_seconds old while AppConfig answers within `patience_seconds`;
    when it does not, the last good answer serves and the newer one comes a moment later.
    """

    def __init__(
        self,
        client: AwsClient,
        sources: FlagSources,
        *,
        poll_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        last_good_hotfixes: Callable[[], str] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._poll_seconds = poll_seconds
        rest = SharedRest()
        self._hotfixes: PolledDocument[FlagDocument] = PolledDocument(
            client,
            sources.hotfixes,
            parse=parse_flag_document,
            default=NO_HOTFIXES,
            poll_seconds=poll_seconds,
            monotonic=monotonic,
            rest=rest,
            patience_seconds=patience_seconds,
            last_good=last_good_hotfixes,
        )
        self._pointer: PolledDocument[ModelPointer | None] = PolledDocument(
            client,
            sources.model,
            parse=parse_model_pointer,
            default=None,
            poll_seconds=poll_seconds,
            monotonic=monotonic,
            rest=rest,
            patience_seconds=patience_seconds,
        )
        self._plan: PolledDocument[SamplingPlan] = PolledDocument(
            client,
            sources.sampling,
            parse=parse_sampling_plan,
            default=SamplingPlan(),
            poll_seconds=poll_seconds,
            monotonic=monotonic,
            rest=rest,
            patience_seconds=patience_seconds,
        )

    def hotfixes(self) -> FlagDocument:
        """Return the last good document, marked when a newer one was refused.

        A refused model pointer or sampling plan marks it too: the mark is what the request log
        carries, and so what becomes an incident.
        """
        document = self._hotfixes.read()
        refused = [one.rejected for one in self._documents if one.rejected is not None]
        return replace(document, rejected=refused[0]) if refused else document

    def model_pointer(self) -> ModelPointer | None:
        """Return the last good pointer, None when none was ever deployed."""
        return self._pointer.read()

    def sampling_plan(self) -> SamplingPlan:
        """Return the last good plan, marked while a surface may exist that nobody could read."""
        plan = self._plan.read()
        self._pointer.read()  # surfaces stand in both documents
        if self._plan.is_known and self._pointer.is_known:
            return plan
        return replace(plan, may_lack_surfaces=True)

    def expire(self) -> None:
        """Hold every answer for too old, as after a restore from a snapshot of unknown age."""
        for document in self._documents:
            document.expire()

    def read_together(self) -> None:
        """Ask for all documents side by side, as a start does that would wait for each in turn."""
        with ThreadPoolExecutor(len(self._documents), thread_name_prefix="flags") as threads:
            for _ in threads.map(lambda document: document.refresh(), self._documents):
                pass

    def refresh_early(self) -> None:
        """Ask again what is past half its age: called after a response, off the request path."""
        for document in self._documents:
            document.refresh(early_seconds=self._poll_seconds / 2.0)

    @property
    def rejected_count(self) -> int:
        """How many of the documents have a newer text that was refused."""
        return sum(document.rejected is not None for document in self._documents)

    def take_failures(self) -> int:
        """Return how many polls AppConfig has not answered since the last call."""
        return sum(document.take_failures() for document in self._documents)

    def require_fresh(self) -> None:
        """Check that AppConfig answers and serves nothing that was refused.

        Raises: DependencyError, FlagError.
        """
        for document in self._documents:
            document.refresh()
        if any(document.is_stale for document in self._documents):
            raise DependencyError("AppConfig did not answer the newest poll")
        if self.rejected_count:
            raise FlagError(f"{self.rejected_count} of the deployed documents break their rules")

    @property
    def _documents(self) -> tuple[AnyDocument, ...]:
        return (self._hotfixes, self._pointer, self._plan)
