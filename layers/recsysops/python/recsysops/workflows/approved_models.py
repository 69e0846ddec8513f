"""Knows which models the registry approves: production, the newest candidate, surfaces' own."""

from __future__ import annotations

from recsysops.ports import ModelRegistry
from recsysops.vocabulary import ModelEntry, ModelPointer, ModelStatus


def approved_models(registry: ModelRegistry) -> ModelPointer | None:
    """Return the approved pointer, None before any model was put into production.

    Raises: DependencyError, BadData.
    """
    entries = registry.entries()
    production = _newest(entries, "production")
    if production is None:
        return None
    return ModelPointer(production=production, candidate=_newest(entries, "candidate"))


def models_in_service(registry: ModelRegistry) -> tuple[str, ...]:
    """Return every model that may serve: production, a candidate (as canary), surfaces' own.

    () before any model was put into production. Raises: DependencyError, BadData.
    """
    pointer = approved_models(registry)
    if pointer is None:
        return ()
    surfaces = (e.model_id for e in registry.entries() if e.status == "surface")
    named = (pointer.production, pointer.candidate, *surfaces)
    return tuple(dict.fromkeys(model_id for model_id in named if model_id is not None))


PINNABLE_MODELS = 3
"""Members keep vectors for so many models; an older one could not be pinned back anyway."""


def pinnable_models(registry: ModelRegistry) -> list[str]:
    """Return the newest models, which a hotfix may pin, and those of surfaces.

    Raises: DependencyError, BadData.
    """
    entries = registry.entries()
    surfaces = [entry for entry in entries[PINNABLE_MODELS:] if entry.status == "surface"]
    return [entry.model_id for entry in (*entries[:PINNABLE_MODELS], *surfaces)]


def _newest(entries: list[ModelEntry], status: ModelStatus) -> str | None:
    return next((entry.model_id for entry in entries if entry.status == status), None)
