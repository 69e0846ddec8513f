"""The whole system, composed: who may touch what, and what calls whom."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct
from recsysops.serving.routes import ROUTES

from infra.components.alarms import Alarms
from infra.components.artefacts import Artefacts
from infra.components.audit_workflow import AuditWorkflow
from infra.components.buckets import make_access_logs
from infra.components.dashboard import Dashboard
from infra.components.dead_letters import DeadLetters
from infra.components.hotfix_flags import DOCUMENTS, HotfixFlags
from infra.components.import_workflow import ImportWorkflow
from infra.components.incident_bus import IncidentBus
from infra.components.incident_topic import IncidentTopic
from infra.components.lake import Lake
from infra.components.launch_workflow import LaunchWorkflow
from infra.components.layers import make_layers
from infra.components.python_function import PythonFunction
from infra.components.request_log_streams import RequestLogStreams
from infra.components.serving_api import ServingApi
from infra.components.sign_in import SignIn
from infra.components.tables import Tables
from infra.components.timetable import Timetable
from infra.settings import FUNCTION_SIZES, StageSettings


class RecsysopsStack(Stack):
    """One stack: nothing is exported, so nothing blocks an update."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StageSettings) -> None:
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description="A recommender that stays healthy: detect, predict, diagnose, resolve.",
        )
        self.settings = settings
        self._keep_data()
        self._add_functions()
        self._let_functions_work()
        self._serve()
        self._react()
        self._detect_and_predict()
        self._diagnose()
        self._watch()
        self._tell()

    def _keep_data(self) -> None:
        settings = self.settings
        access_logs = make_access_logs(self, "AccessLogs", days=settings.retention.access_logs_days)
        self.tables = Tables(self, "Tables")
        self.lake = Lake(self, "Lake", settings=settings, access_logs=access_logs)
        self.artefacts = Artefacts(self, "Artefacts", settings=settings, access_logs=access_logs)
        self.streams = RequestLogStreams(self, "RequestLog", lake=self.lake, settings=settings)
        self.flags = HotfixFlags(self, "Flags", roll_out=settings.roll_out)
        self.incident_topic = IncidentTopic(self, "Incidents")
        self.stream_failures = DeadLetters(self, "DeltaFailures", settings=settings)
        self.start_failures = DeadLetters(self, "StartFailures", settings=settings)
        self.incident_bus = IncidentBus(self, "IncidentEvents", failures=self.start_failures)

    def _add_functions(self) -> None:
        layers = make_layers(self, settings=self.settings)
        self.functions = {
            name: PythonFunction(self, name, settings=self.settings, layers=layers)
            for name in FUNCTION_SIZES
        }

    def _let_functions_work(self) -> None:
        self._let_serving_work()
        self._let_publishing_work()
        self._let_sampling_be_planned()
        self._let_detection_work()
        self._let_prediction_work()

    def _let_serving_work(self) -> None:
        recommend = self.functions["recommend_items"]
        self.tables.members.allow(recommend, "GetItem")
        self.artefacts.allow_reading(recommend)
        self.artefacts.allow_reading_last_good_flags(recommend)
        self.flags.allow_reading(recommend, *DOCUMENTS)
        self.streams.slim.allow(recommend)
        self.streams.full.allow(recommend)
        self.streams.shadow.allow(recommend)
        self.streams.similar.allow(recommend)

        record = self.functions["record_feedback"]
        self.tables.members.allow(record, "BatchGetItem", "GetItem", "UpdateItem")
        self.tables.recorded_events.allow(record, "BatchGetItem", "BatchWriteItem")
        self.streams.feedback.allow(record)
        self.streams.consumer.allow(self.functions["record_consumer_logs"])

        check = self.functions["check_health"]
        self.tables.members.allow(check, "GetItem")
        self.artefacts.allow_reading_deltas(check)
        self.flags.allow_reading(check, *DOCUMENTS)
        self.streams.feedback.allow_describing(check)

        for name in ("put_features", "import_features"):
            self.tables.items.allow(self.functions[name], "PutItem", "GetItem")
            self.tables.members.allow(self.functions[name], "UpdateItem")
            self.artefacts.allow_reading_manifests(self.functions[name])

    def _let_publishing_work(self) -> None:
        publish = self.functions["publish_delta"]
        if self.settings.feedback_weights:
            publish.know("FEEDBACK_WEIGHTS", self.settings.feedback_weights)
        self.tables.items.allow(publish, "Scan")
        self.tables.models.allow(publish, "Scan")
        self.artefacts.allow_reading(publish)
        self.artefacts.allow_writing_deltas(publish)
        self.lake.allow_querying(publish, "feedback")
        self.lake.allow_writing(publish, "item_snapshots")

    def _let_sampling_be_planned(self) -> None:
        plan = self.functions["plan_sampling"]
        self.lake.allow_querying(plan, "slim_requests")
        self.flags.allow_deploying(plan, "sampling")
        plan.know("FULL_ROWS_PER_DAY", str(self.settings.full_rows_per_day))

    def _let_detection_work(self) -> None:
        rank = self.functions["rank_choices"]
        self.artefacts.allow_reading(rank)
        self.artefacts.allow_reading_flag_documents(rank)
        self.lake.allow_querying(rank, "full_requests", "feedback")
        self.lake.allow_writing(rank, "choice_ranks")
        self.lake.allow_writing(rank, "launch_ranks")
        check = self.functions["check_models"]
        self.artefacts.allow_reading(check)
        self.artefacts.allow_reading_flag_documents(check)
        self.lake.allow_querying(check, "slim_requests", "full_requests")
        self.lake.allow_writing(check, "model_profiles")
        self.lake.allow_writing(check, "replayed_requests")
        self.tables.models.allow(check, "Scan")

        start = self.functions["start_due_audits"]
        self.lake.allow_querying(start, "slim_requests")
        self.artefacts.allow_reading_progress(start)

        plan, judge = self.functions["plan_audits"], self.functions["judge_audit"]
        self.tables.models.allow(plan, "Scan")
        self.artefacts.allow_reading_baselines(plan)
        self.artefacts.allow_reading_progress(plan)
        self.lake.allow_reading_results(judge)
        self.artefacts.allow_keeping_baselines(judge)

        incidents = self.functions["record_incidents"]
        self.tables.incidents.allow(incidents, "GetItem", "PutItem", "Scan")
        self.artefacts.allow_noting_progress(incidents)
        self.incident_topic.allow_publishing(incidents)
        self.incident_bus.allow_publishing(incidents)
        self._let_diagnosis_work()

    def _let_diagnosis_work(self) -> None:
        diagnose = self.functions["diagnose_incident"]
        self.tables.incidents.allow(diagnose, "GetItem", "PutItem")
        self.tables.models.allow(diagnose, "Scan")
        self.artefacts.allow_reading(diagnose)
        self.artefacts.allow_reading_flag_documents(diagnose)
        self.lake.allow_querying(diagnose, "slim_requests", "full_requests", "item_snapshots")

    def _let_prediction_work(self) -> None:
        predict = self.functions["predict_launches"]
        self.tables.members.allow(predict, "Scan")
        self.tables.models.allow(predict, "Scan")
        self.artefacts.allow_reading(predict)
        self.lake.allow_querying(
            predict, "slim_requests", "feedback", "item_snapshots", "launch_forecasts"
        )
        self.lake.allow_writing(predict, "launch_forecasts")
        self.incident_topic.allow_publishing(predict)

    def _serve(self) -> None:
        self.sign_in = SignIn(self, "SignIn")
        self.api = ServingApi(self, "Serving", sign_in=self.sign_in, settings=self.settings)
        for route in ROUTES:
            self.api.serve(route, self.functions[route.function])

    def _react(self) -> None:
        """Publish a delta when an upstream job writes items."""
        self.functions["publish_delta"].lambda_function.add_event_source(
            sources.DynamoEventSource(
                self.tables.items.table,
                starting_position=lambda_.StartingPosition.LATEST,
                batch_size=10_000,
                max_batching_window=Duration.seconds(self.settings.stream_window_seconds),
                bisect_batch_on_error=True,
                retry_attempts=3,
                on_failure=sources.SqsDlq(self.stream_failures.queue),
            )
        )
        self.functions["publish_delta"].acknowledge_wildcards(
            ["*"], because="dynamodb:ListStreams, which the trigger needs, knows no resource."
        )

    def _diagnose(self) -> None:
        """Diagnose an incident as soon as somebody is paged about it."""
        enabled = self.settings.schedules.enabled
        self.incident_bus.tell(self.functions["diagnose_incident"], enabled=enabled)

    def _detect_and_predict(self) -> None:
        pick = self.functions
        self.audit = AuditWorkflow(
            self,
            "Audit",
            functions={
                name: pick[name]
                for name in (
                    "rank_choices",
                    "check_models",
                    "plan_audits",
                    "judge_audit",
                    "record_incidents",
                )
            },
            lake=self.lake,
            settings=self.settings,
        )
        self.predict_launches = LaunchWorkflow(
            self,
            "LaunchPrediction",
            functions={"predict_launches": pick["predict_launches"]},
            settings=self.settings,
        )
        self.import_features = ImportWorkflow(
            self,
            "FeatureImport",
            functions={"import_features": pick["import_features"]},
            lake=self.lake,
            settings=self.settings,
        )
        when = self.settings.schedules
        timetable = Timetable(self, "Timetable", enabled=when.enabled, failures=self.start_failures)
        timetable.invoke(pick["publish_delta"], when=when.publish_delta)
        timetable.invoke(pick["plan_sampling"], when=when.plan_sampling)
        self.audit.allow_starting(pick["start_due_audits"])
        timetable.invoke(pick["start_due_audits"], when=when.audit)
        timetable.start(self.predict_launches, when=when.predict_launches)

    def _watch(self) -> None:
        alarms = Alarms(self, "Alarms", topic=self.incident_topic, thresholds=self.settings.alarms)
        errors = {name: alarms.watch_function(part) for name, part in self.functions.items()}
        for letters in (self.stream_failures, self.start_failures):
            alarms.watch_dead_letters(letters)
        for workflow in (self.audit, self.predict_launches, self.import_features):
            alarms.watch_workflow(workflow)
        for stream in self.streams.every:
            alarms.watch_delivery(stream)
        server_errors = alarms.watch_api(self.api)
        serving = alarms.watch_serving(self.functions["recommend_items"])
        alarms.watch_what_serving_counts()
        alarms.watch_publishing()
        alarms.summarise([errors["recommend_items"], server_errors, *serving])
        # Not on the fallback share: a hotfix may serve fallbacks on purpose.
        self.flags.roll_back_on([server_errors], names=("hotfixes", "model"))
        self._draw()

    def _draw(self) -> None:
        dashboard = Dashboard(self, "Dashboard")
        dashboard.show_serving(self.api, self.functions["recommend_items"])
        dashboard.show_fallbacks()
        dashboard.show_functions(list(self.functions.values()))
        dashboard.show_detection([self.audit, self.predict_launches])
        dashboard.show_delivery(self.streams.every)

    def _tell(self) -> None:
        """Output every name that the command line needs, as outputs.json spells it."""
        names = {
            **self._stored_names(),
            **self._called_names(),
            **self._flag_names(),
        }
        for name, value in names.items():
            CfnOutput(self, name.title().replace("_", ""), value=value)

    def _stored_names(self) -> dict[str, str]:
        return {
            **{f"{name}_table": part.table.table_name for name, part in self.tables.every.items()},
            "lake_bucket": self.lake.store.bucket.bucket_name,
            "artefact_bucket": self.artefacts.store.bucket.bucket_name,
            "glue_database": self.lake.database.ref,
            "athena_workgroup": self.lake.workgroup.ref,
            **{part.variable.lower(): part.stream.ref for part in self.streams.every},
        }

    def _called_names(self) -> dict[str, str]:
        called = ("publish_delta", "rank_choices", "recommend_items")
        functions = {
            f"{name}_function": self.functions[name].lambda_function.function_name
            for name in called
        }
        return {
            "api_url": self.api.url,
            "token_url": self.sign_in.token_url,
            "user_pool_id": self.sign_in.pool.user_pool_id,
            "client_id": self.sign_in.client.user_pool_client_id,
            "audit_state_machine_arn": self.audit.state_machine.state_machine_arn,
            "predict_launches_state_machine_arn": (
                self.predict_launches.state_machine.state_machine_arn
            ),
            "import_features_state_machine_arn": (
                self.import_features.state_machine.state_machine_arn
            ),
            "incident_topic_arn": self.incident_topic.topic.topic_arn,
            "incident_bus_name": self.incident_bus.bus.event_bus_name,
            **functions,
        }

    def _flag_names(self) -> dict[str, str]:
        documents = self.flags.documents
        return {
            "appconfig_application_id": self.flags.application.ref,
            "staged_strategy_id": self.flags.staged.ref,
            "at_once_strategy_id": self.flags.at_once.ref,
            **{f"{name}_environment_id": part.environment.ref for name, part in documents.items()},
            **{f"{name}_profile_id": part.profile.ref for name, part in documents.items()},
        }
