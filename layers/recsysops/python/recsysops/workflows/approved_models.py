"""Knows which models the registry approves: the newest production one and the newest candidate."""

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


PINNABLE_MODELS = 3
"""Members keep vectors for so many models; an older one could not be pinned back anyway."""


def pinnable_models(registry: ModelRegistry) -> list[str]:
    """Return the newest models that a hotfix may pin. Raises: DependencyError, BadData."""
    return [entry.model_id for entry in registry.entries()[:PINNABLE_MODELS]]


def _newest(entries: list[ModelEntry], status: ModelStatus) -> str | None:
    return next((entry.model_id for entry in entries if entry.status == status), None)
