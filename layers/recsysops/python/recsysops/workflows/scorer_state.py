"""What one scorer holds between requests: the catalogues in service and when to look for newer.

A newer model or snapshot loads in a background thread while the old one serves. On AWS that
thread stands still between invocations and goes on in the next. Whatever cannot be loaded is
told and the old one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock, Thread

from recsysops.errors import ArtefactError, DependencyError
from recsysops.model.catalogue import Catalogue
from recsysops.ports import FlagReader
from recsysops.serving.hotfixes import pinned_model
from recsysops.vocabulary import Hotfix
from recsysops.workflows.load_catalogue import CatalogueCache, read_delta_pointer

_HURRIED_POLL_SECONDS = 1.0
"""How often to look while nothing serves or a new model is asked for."""
_KEPT_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """Catalogues in service by model id, and which of them is the production model's."""

    production: str
    catalogues: Mapping[str, Catalogue]


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

    monotonic: seconds from any origin. start: how a refresh runs when something already serves;
    the very first load is always synchronous.
    """

    cache: CatalogueCache
    flags: FlagReader
    monotonic: Callable[[], float]
    poll_seconds: float = 30.0
    start: Callable[[Callable[[], None]], None] = run_in_background
    _loaded: Loaded | None = None
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
        loaded = self._loaded
        if loaded is None:
            return None
        pin = pinned_model(hotfixes) or loaded.production
        plain = loaded.catalogues.get(pin) or loaded.catalogues[loaded.production]
        return self.cache.vary(plain, hotfixes)

    def poll(self) -> None:
        """Look for newer pointers when it is time; called at the start of every request."""
        if not self._is_due() or not self._refreshing.acquire(blocking=False):
            return
        self._polled_at, self._wanted = self.monotonic(), self._wanted_models()
        if self._loaded is None:
            self._refresh()
            return
        try:
            self.start(self._refresh)
        except RuntimeError as error:  # no thread to be had: the next poll tries again
            self._refreshing.release()
            self._note("background", error)

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
        return frozenset([*([pointer.production] if pointer else []), *self._pinned_models()])

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
        production = self._load_first(self._production_models(pointer.model_id), pointer.delta_id)
        if production is None:
            return
        catalogues = {production.model_id: production}
        for model_id in self._pinned_models():
            pinned = self._load_first([model_id], pointer.delta_id)
            if pinned is not None:
                catalogues[model_id] = pinned
        self._loaded = Loaded(production.model_id, catalogues)

    def _production_models(self, delta_model_id: str) -> list[str]:
        """Return the models that may serve: the approved, else the present, else the delta's."""
        pointer, loaded = self.flags.model_pointer(), self._loaded
        wanted = [pointer.production] if pointer else [delta_model_id]
        present = [loaded.production] if loaded else [delta_model_id]
        return list(dict.fromkeys([*wanted, *present]))

    def _pinned_models(self) -> list[str]:
        pins = (pinned_model((hotfix,)) for hotfix in self.flags.hotfixes().hotfixes)
        return [pin for pin in pins if pin is not None]

    def _load_first(self, model_ids: Sequence[str], delta_id: str) -> Catalogue | None:
        for model_id in model_ids:
            try:
                return self.cache.load(model_id, delta_id)
            except (ArtefactError, DependencyError) as error:
                self._note(f"{model_id}/{delta_id}", error)
        return None

    def _note(self, subject: str, error: Exception) -> None:
        if len(self._problems) < _KEPT_PROBLEMS:
            self._problems.append(LoadProblem(subject, str(error)))
