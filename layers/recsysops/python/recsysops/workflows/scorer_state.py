"""What one scorer holds between requests: the catalogues in service and when to look for newer.

A newer model or snapshot loads in a background thread while the old one serves. On AWS that
thread stands still between invocations and goes on in the next. Whatever cannot be loaded is
told and the old one stays. While nothing could be loaded at all, a stored list is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock, Thread

from recsysops.errors import ArtefactError, DeadlineError, DependencyError
from recsysops.model.catalogue import Catalogue
from recsysops.ports import FlagReader
from recsysops.serving.fallback import ModelChain
from recsysops.serving.hotfixes import pinned_model
from recsysops.serving.static_list import StaticList, packaged_list
from recsysops.vocabulary import Hotfix, ModelPointer
from recsysops.workflows.load_catalogue import (
    CatalogueCache,
    load_static_list,
    read_delta_pointer,
)

_HURRIED_POLL_SECONDS = 1.0
"""How often to look while nothing serves or a new model is asked for."""
_KEPT_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """Catalogues in service by model id.

    production: the model that serves. wanted: the one that should, another id only while or
    because it could not be loaded. previous: who serves members that production has no vector
    of. failed: models that should be here and could not be loaded.
    """

    production: str
    catalogues: Mapping[str, Catalogue]
    wanted: str
    previous: str | None = None
    failed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LoadProblem:
    """Something that could not be loaded; the old one serves."""

    subject: str
    message: str


def run_in_background(work: Callable[[], None]) -> None:
    """Run work in a daemon thread."""
    Thread(target=work, name="load-catalogue", daemon=True).start()


@dataclass(slots=True)
class ScorerState:
    """The catalogue cache with its poll.

    monotonic: seconds from any origin. start: how a refresh runs; only the very first load is
    synchronous: after it no request ever waits for a bucket.
    """

    cache: CatalogueCache
    flags: FlagReader
    monotonic: Callable[[], float]
    poll_seconds: float = 30.0
    start: Callable[[Callable[[], None]], None] = run_in_background
    _loaded: Loaded | None = None
    _static: StaticList | None = None
    _polled_at: float | None = None
    _wanted: frozenset[str] = frozenset()
    _refreshing: Lock = field(default_factory=Lock)
    _problems: list[LoadProblem] = field(default_factory=list)

    @property
    def loaded(self) -> Loaded | None:
        """What serves right now, None before anything could be loaded."""
        return self._loaded

    def catalogue(self, hotfixes: Sequence[Hotfix] = ()) -> Catalogue | None:
        """Return the catalogue for a member exposed to these hotfixes, None when none loaded.

        A pinned model that is not (yet) in memory leaves production serving.
        """
        chain = self.chain(hotfixes)
        return None if chain is None else self.cache.vary(chain.catalogues[0], hotfixes)

    def chain(
        self, hotfixes: Sequence[Hotfix] = (), *, instead: str | None = None
    ) -> ModelChain | None:
        """Return the models that may serve a member, best first, without hotfixes applied.

        The pinned model (an emergency comes first), the one that should serve instead of
        production (the surface's own, or a canary), the production model, the previous one; None
        when none is loaded.
        """
        loaded = self._loaded
        if loaded is None:
            return None
        wanted = pinned_model(hotfixes) or instead or loaded.wanted
        order = dict.fromkeys((wanted, loaded.production, loaded.previous))
        found = (loaded.catalogues.get(model_id) for model_id in order if model_id is not None)
        return ModelChain(
            tuple(catalogue for catalogue in found if catalogue is not None),
            is_degraded=wanted in loaded.failed,
        )

    def loaded_model(self, model_id: str) -> Catalogue | None:
        """Return a model's catalogue when it is in memory."""
        loaded = self._loaded
        return loaded.catalogues.get(model_id) if loaded else None

    @property
    def static_list(self) -> StaticList:
        """What is shown while no catalogue could be loaded: the newest list at hand."""
        return self._static or packaged_list()

    def poll(self) -> None:
        """Look for newer pointers when it is time; called at the start of every request."""
        if not self._is_due() or not self._refreshing.acquire(blocking=False):
            return
        is_first = self._polled_at is None
        self._polled_at, self._wanted = self.monotonic(), self._wanted_models()
        if is_first:
            self._refresh()
            return
        try:
            self.start(self._refresh)
        except RuntimeError as error:  # no thread to be had: the next poll tries again
            self._refreshing.release()
            self._note("background", error)

    def expire(self) -> None:
        """Look for newer pointers with the next request, whenever the last look was."""
        self._polled_at = None

    def drain_problems(self) -> list[LoadProblem]:
        """Return what failed since the last call, for the handler to count and log."""
        problems, self._problems = self._problems, []
        return problems

    def _is_due(self) -> bool:
        if self._polled_at is None:
            return True
        # a model that failed to load waits for the next ordinary poll, a newly named one does not
        is_settled = self._loaded is not None and self._wanted == self._wanted_models()
        wait = self.poll_seconds if is_settled else min(_HURRIED_POLL_SECONDS, self.poll_seconds)
        return self.monotonic() - self._polled_at >= wait

    def _wanted_models(self) -> frozenset[str]:
        pointer = self.flags.model_pointer()
        return frozenset([*(_named_models(pointer) if pointer else ()), *self._pinned_models()])

    def _refresh(self) -> None:
        try:
            self._load_newest()
        finally:
            self._refreshing.release()

    def _load_newest(self) -> None:
        try:
            pointer = read_delta_pointer(self.cache.blobs)
        except (ArtefactError, DependencyError) as error:
            self._note("delta_pointer", error)
            return
        failed: set[str] = set()
        models = self._production_models(pointer.model_id)
        production = self._load_first(models, pointer.delta_id, failed)
        if production is None:
            self._load_static(pointer.delta_id)
            return
        catalogues = {production.model_id: production}
        for model_id in self._wanted_models() - {production.model_id} - failed:
            other = self._load_first([model_id], pointer.delta_id, failed)
            if other is not None:
                catalogues[model_id] = other
        self._loaded = Loaded(
            production.model_id,
            catalogues,
            wanted=models[0],
            previous=self._previous_model(),
            failed=frozenset(failed),
        )

    def _load_static(self, delta_id: str) -> None:
        """Fetch the snapshot's stored list, once, when there is nothing better to serve."""
        if self._loaded is not None or (self._static and self._static.delta_id == delta_id):
            return
        try:
            self._static = load_static_list(self.cache.blobs, delta_id)
        except (ArtefactError, DependencyError) as error:
            self._note(f"static_list/{delta_id}", error)

    def _production_models(self, delta_model_id: str) -> list[str]:
        """Return who may serve: the approved model, else the present one; a cold scorer falls
        back on the previous model and then on the snapshot's."""
        pointer, loaded = self.flags.model_pointer(), self._loaded
        wanted = pointer.production if pointer else delta_model_id
        others = [loaded.production] if loaded else [self._previous_model(), delta_model_id]
        return list(dict.fromkeys([wanted, *(model_id for model_id in others if model_id)]))

    def _previous_model(self) -> str | None:
        pointer = self.flags.model_pointer()
        return pointer.previous if pointer else None

    def _pinned_models(self) -> list[str]:
        pins = (pinned_model((hotfix,)) for hotfix in self.flags.hotfixes().hotfixes)
        return [pin for pin in pins if pin is not None]

    def _load_first(
        self, model_ids: Sequence[str], delta_id: str, failed: set[str]
    ) -> Catalogue | None:
        for model_id in model_ids:
            try:
                catalogue = self.cache.load(model_id, delta_id)
            except (ArtefactError, DependencyError) as error:
                failed.add(model_id)
                self._note(f"{model_id}/{delta_id}", error)
                if isinstance(error, DeadlineError):
                    return None  # the next model would wait for the same bucket
            else:
                catalogue.prepare()
                return catalogue
        return None

    def _note(self, subject: str, error: Exception) -> None:
        if len(self._problems) < _KEPT_PROBLEMS:
            self._problems.append(LoadProblem(subject, str(error)))


def _named_models(pointer: ModelPointer) -> list[str]:
    """Return every model that a pointer wants in memory."""
    others = (part.model_id for part in (pointer.canary, pointer.shadow) if part is not None)
    named = (pointer.production, pointer.previous, *others, *pointer.surfaces.values())
    return [model_id for model_id in named if model_id is not None]
