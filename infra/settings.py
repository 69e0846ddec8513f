"""What a stage is: sizes, schedules, retention, alarm thresholds, and how the laptop may differ.

The two stages share every default below. Whatever differs is written in LAPTOP, and the template
it leads to is allowed in ALLOWED_DIFFERENCES; a test compares both templates and refuses the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

StageName = Literal["laptop", "aws"]
Architecture = Literal["arm64", "x86_64"]

LAMBDA_PYTHON = "python3.13"
HOST_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """Memory (it buys CPU too) and the longest one invocation may take.

    is_published: called by its newest published version, which SnapStart asks for.
    one_at_a_time: a second copy never runs beside the first; callers wait in line. It reserves one
    of the account's concurrent executions: AWS refuses that where they are only the first ten.
    """

    memory_mb: int
    timeout_seconds: int
    is_published: bool = False
    one_at_a_time: bool = False


FUNCTION_SIZES: Mapping[str, FunctionSize] = MappingProxyType(
    {
        # 1,769 MB is one full vCPU: the ranking is numpy on one thread.
        "recommend_items": FunctionSize(1769, 10, is_published=True),
        "record_feedback": FunctionSize(512, 10),
        # three services, each waited for as long as a member would
        "check_health": FunctionSize(256, 20),
        "describe_api": FunctionSize(256, 10),
        "record_consumer_logs": FunctionSize(512, 10),
        "put_features": FunctionSize(512, 10),
        "import_features": FunctionSize(512, 120),
        "publish_delta": FunctionSize(2048, 300),
        "plan_sampling": FunctionSize(512, 300),
        "rank_choices": FunctionSize(3008, 900),
        "check_models": FunctionSize(3008, 900),
        "start_due_audits": FunctionSize(512, 120),
        "plan_audits": FunctionSize(512, 60),
        "judge_audit": FunctionSize(1024, 120),
        # windows that fell due together must each see the incidents of the one before, or one
        # fault would open, and page, as many as there are windows
        "record_incidents": FunctionSize(512, 60, one_at_a_time=True),
        "diagnose_incident": FunctionSize(3008, 900),
        "predict_launches": FunctionSize(3008, 900),
    }
)


@dataclass(frozen=True, slots=True)
class Schedules:
    """When the batch jobs start by themselves (UTC); EventBridge Scheduler expressions."""

    enabled: bool = True
    publish_delta: str = "rate(15 minutes)"
    plan_sampling: str = "cron(45 3 * * ? *)"
    audit: str = "cron(15 * * * ? *)"
    predict_launches: str = "cron(30 4 * * ? *)"


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days things are kept; every number deletes data, so change it with care."""

    logs_days: int = 30
    slim_requests_days: int = 400
    full_requests_days: int = 90  # they hold member vectors
    shadow_requests_days: int = 90
    similar_requests_days: int = 400
    feedback_days: int = 400
    deltas_days: int = 120  # a full record is replayed from its delta; a month to spare
    consumer_logs_days: int = 400
    imports_days: int = 30
    item_snapshots_days: int = 100  # a whole catalogue every quarter of an hour
    athena_results_days: int = 7
    delivery_errors_days: int = 30
    access_logs_days: int = 90
    superseded_artefacts_days: int = 90
    dead_letters_days: int = 14


@dataclass(frozen=True, slots=True)
class AlarmThresholds:
    """Where the alarms stand; audits watch the data, these watch the machinery."""

    function_errors: int = 1
    function_throttles: int = 1
    dead_letters: int = 1
    failed_executions: int = 1
    fallback_share: float = 0.05
    delivery_success_share: float = 1.0
    lost_log_lines: int = 1
    rejected_flags: int = 1
    rejected_items: int = 1
    load_problems: int = 1
    stored_lists: int = 1
    server_errors: int = 5
    recommend_p99_ms: int = 500


@dataclass(frozen=True, slots=True)
class RollOut:
    """How a `staged` AppConfig deployment proceeds: linear steps, then a bake under alarms."""

    minutes: int = 5
    growth_percent: int = 20
    bake_minutes: int = 10


@dataclass(frozen=True, slots=True)
class StageSettings:
    """Everything a stage decides."""

    name: StageName
    python_runtime: str = LAMBDA_PYTHON
    architecture: Architecture = "arm64"
    third_party_layers: bool = True
    snap_start: bool = True
    omitted_types: frozenset[str] = frozenset()
    accept_retimed: bool = False
    poll_seconds: int = 30
    member_deadline_ms: int = 200
    full_rows_per_day: int = 200_000  # 6 GB of JSON at 30 KB a record
    feedback_weights: str = ""  # JSON of model.feedback_weights; "": only plays count, each once
    stream_window_seconds: int = 30
    delivery_buffer_seconds: int = 300
    athena_scan_limit_mb: int = 10_240
    api_burst: int = 500
    api_rate: int = 250
    audit_concurrency: int = 5
    schedules: Schedules = field(default_factory=Schedules)
    retention: Retention = field(default_factory=Retention)
    alarms: AlarmThresholds = field(default_factory=AlarmThresholds)
    roll_out: RollOut = field(default_factory=RollOut)


AWS = StageSettings(name="aws")

LAPTOP = StageSettings(
    name="laptop",
    python_runtime=HOST_PYTHON,
    architecture="x86_64",
    third_party_layers=False,
    snap_start=False,
    # the emulator's CloudFormation does not know these
    omitted_types=frozenset({"AWS::Athena::NamedQuery", "AWS::CloudWatch::CompositeAlarm"}),
    accept_retimed=True,
    poll_seconds=1,
    member_deadline_ms=3_000,
    stream_window_seconds=1,
    schedules=Schedules(enabled=False),
    roll_out=RollOut(minutes=0, growth_percent=20, bake_minutes=0),
)

STAGES: Mapping[str, StageSettings] = MappingProxyType({"laptop": LAPTOP, "aws": AWS})


@dataclass(frozen=True, slots=True)
class AllowedDifference:
    """A property (dotted path under Properties) that may differ between the stages, and why."""

    resource_type: str
    path: str
    reason: str


ALLOWED_DIFFERENCES: tuple[AllowedDifference, ...] = (
    AllowedDifference("AWS::Lambda::Function", "Runtime", "the laptop runs the host's Python"),
    AllowedDifference("AWS::Lambda::Function", "Architectures", "the laptop runs on the host"),
    AllowedDifference(
        "AWS::Lambda::Function", "Layers", "the laptop imports numpy from the host's environment"
    ),
    AllowedDifference("AWS::Lambda::Function", "SnapStart", "the emulator takes no snapshots"),
    AllowedDifference(
        "AWS::Lambda::LayerVersion", "CompatibleArchitectures", "follows the functions"
    ),
    AllowedDifference(
        "AWS::Lambda::LayerVersion", "Content.S3Key", "the laptop's layer carries no bytecode"
    ),
    AllowedDifference("AWS::Lambda::LayerVersion", "CompatibleRuntimes", "follows the functions"),
    AllowedDifference(
        "AWS::Lambda::Function", "Environment.Variables.RECSYSOPS_STAGE", "says which stage it is"
    ),
    AllowedDifference(
        "AWS::Lambda::Function",
        "Environment.Variables.RECSYSOPS_ACCEPT_RETIMED",
        "only the laptop replays re-timed traffic",
    ),
    AllowedDifference(
        "AWS::Lambda::Function",
        "Environment.Variables.RECSYSOPS_POLL_SECONDS",
        "a demo does not wait 30 seconds for a flag",
    ),
    AllowedDifference(
        "AWS::Lambda::Function",
        "Environment.Variables.RECSYSOPS_MEMBER_DEADLINE_MS",
        "the emulator has one thread: a read may wait for a whole Parquet conversion",
    ),
    AllowedDifference(
        "AWS::Lambda::EventSourceMapping",
        "MaximumBatchingWindowInSeconds",
        "a demo does not wait 30 seconds for a delta",
    ),
    AllowedDifference(
        "AWS::Events::Rule", "State", "the laptop diagnoses when the operator or the demo says so"
    ),
    AllowedDifference(
        "AWS::Scheduler::Schedule", "State", "the laptop runs its batch jobs on demand"
    ),
    AllowedDifference(
        "AWS::AppConfig::DeploymentStrategy",
        "DeploymentDurationInMinutes",
        "the emulator's minutes are real minutes",
    ),
    AllowedDifference(
        "AWS::AppConfig::DeploymentStrategy",
        "FinalBakeTimeInMinutes",
        "the emulator's minutes are real minutes",
    ),
)
