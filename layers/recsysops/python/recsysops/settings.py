"""Names of the deployed resources, read from a Lambda's environment or from outputs.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from recsysops.errors import BadInput

PREFIX = "RECSYSOPS_"


class Settings(BaseModel):
    """Every resource name the runtime may need; a function is given only the ones it uses."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: str = "laptop"
    region: str = "us-east-1"
    endpoint: str | None = None
    api_url: str | None = None
    token_url: str | None = None
    user_pool_id: str | None = None
    client_id: str | None = None
    members_table: str = ""
    items_table: str = ""
    models_table: str = ""
    recorded_events_table: str = ""
    incidents_table: str = ""
    audit_trail_table: str = ""
    lake_bucket: str = ""
    artefact_bucket: str = ""
    slim_stream: str = ""
    full_stream: str = ""
    shadow_stream: str = ""
    similar_stream: str = ""
    feedback_stream: str = ""
    consumer_stream: str = ""
    glue_database: str = ""
    athena_workgroup: str = ""
    audit_state_machine_arn: str = ""
    predict_launches_state_machine_arn: str = ""
    import_features_state_machine_arn: str = ""
    appconfig_application_id: str = ""
    hotfixes_environment_id: str = ""
    hotfixes_profile_id: str = ""
    model_environment_id: str = ""
    model_profile_id: str = ""
    sampling_environment_id: str = ""
    sampling_profile_id: str = ""
    staged_strategy_id: str = ""
    at_once_strategy_id: str = ""
    incident_topic_arn: str = ""
    incident_bus_name: str = ""
    publish_delta_function: str = ""
    rank_choices_function: str = ""
    recommend_items_function: str = ""
    accept_retimed: bool = False
    poll_seconds: float = 30.0
    member_deadline_ms: float = 200.0
    full_rows_per_day: float = 200_000.0
    feedback_weights: str = ""


def settings_from_environment(environment: Mapping[str, str]) -> Settings:
    """Read settings from RECSYSOPS_* variables.

    Raises: BadInput naming the variable that does not fit.
    """
    named = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX)
    }
    return _validated(named, origin="environment")


def settings_from_outputs(path: Path) -> Settings:
    """Read settings from the laptop stage's outputs.json, or from `cdk deploy --outputs-file`.

    Raises: BadInput when the file is missing or is neither of the two.
    """
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(
            f"no stage is up: {path} is missing; start one with 'recsysops up'"
        ) from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} is not JSON ({error}); run 'recsysops up' again") from error
    if not isinstance(document, dict):
        raise BadInput(f"{path} holds no names of resources; run 'recsysops up' again")
    return _validated(_laptop_names(document) or _stack_names(document), origin=str(path))


def _laptop_names(document: Mapping[str, object]) -> dict[str, object]:
    if "endpoint" not in document:
        return {}
    return {**document, "accept_retimed": True, "stage": "laptop", "member_deadline_ms": 3_000.0}


def _stack_names(document: Mapping[str, object]) -> dict[str, object]:
    """Flatten {"Recsysops": {"MembersTable": …}} and spell the names as settings do."""
    stacks = [stack for stack in document.values() if isinstance(stack, dict)]
    names = {_snake_case(name): value for stack in stacks for name, value in stack.items()}
    # no output names the region, but every ARN does: arn:aws:states:REGION:…
    arn = str(names.get("audit_state_machine_arn", "")).split(":")
    region = {"region": arn[3]} if len(arn) > 3 else {}
    return {"stage": "aws", **region, **names}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _validated(named: Mapping[str, object], *, origin: str) -> Settings:
    try:
        return Settings.model_validate(named)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{origin}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
