"""Writes what a model looks like into the lake, for the audit that compares artefacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from recsysops.model.artefact import ModelArtefact
from recsysops.model.profile import profile_model
from recsysops.ports import LakeWriter
from recsysops.request_log.job_records import PROFILE_DAY, ModelProfileRow
from recsysops.request_log.records import SCHEMA_VERSION
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import ItemFeatures


def write_profile(
    artefact: ModelArtefact, features: Mapping[str, ItemFeatures], *, lake: LakeWriter
) -> int:
    """Write a model's profile, one object under its name; returns the number of rows.

    Raises: DependencyError.
    """
    manifest = artefact.manifest
    rows = [
        ModelProfileRow(
            schema_version=SCHEMA_VERSION,
            model_id=artefact.model_id,
            trained_at=datetime.fromisoformat(manifest.trained_at),
            data_hash=manifest.data_hash,
            **asdict(sums),
        )
        for sums in profile_model(artefact, features)
    ]
    day = datetime.fromisoformat(PROFILE_DAY).replace(tzinfo=UTC)
    lake.write_rows(
        "model_profiles",
        rows=[to_row(row) for row in rows],
        ingest_time=day,
        name=f"profile-{artefact.model_id}",
    )
    return len(rows)
