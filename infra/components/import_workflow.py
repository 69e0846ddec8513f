"""The workflow `import_features`: every row of a file in the lake's bucket, many batches at once.

Input: {"key": "imports/….jsonl"}, one JSON object a line, each with an item_id or a member_id and
what PUT of it takes.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.acknowledgements import acknowledge_wildcards, name_resource
from infra.components.lake import Lake
from infra.components.python_function import PythonFunction
from infra.components.state_machine import Workflow
from infra.components.states import State, invoke
from infra.settings import StageSettings

IMPORTS = "imports/"
IMPORT_RESULTS = "import-results/"
BATCH_ROWS = 100
CONCURRENCY = 20
"""Batches written at once: the tables are on demand, and doubling them takes half an hour."""


class ImportWorkflow(Workflow):
    """Reads below imports/, writes each batch's outcome below import-results/."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, PythonFunction],
        lake: Lake,
        settings: StageSettings,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            definition=define_import(),
            functions=functions,
            names={"bucket": lake.store.bucket.bucket_name},
            settings=settings,
        )
        self._allow_files(lake)
        self._allow_children()

    def _allow_files(self, lake: Lake) -> None:
        bucket = lake.store.bucket
        self.allow("s3:GetObject", on=[bucket.arn_for_objects(f"{IMPORTS}*")])
        self.allow(
            *("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts"),
            "s3:AbortMultipartUpload",
            on=[bucket.arn_for_objects(f"{IMPORT_RESULTS}*")],
        )
        acknowledge_wildcards(
            self.role,
            [lake.store.spell(prefix) for prefix in (IMPORTS, IMPORT_RESULTS)],
            because="An import names its file; results are named by its run.",
        )

    def _allow_children(self) -> None:
        """Let the map start a child execution per batch, under a policy of its own: the machine
        waits for its role's first policy, so that one cannot name the machine."""
        children = f"{self.state_machine.state_machine_arn}:*"
        policy = iam.Policy(self, "Children", roles=[self.role])
        policy.add_statements(
            iam.PolicyStatement(
                actions=["states:StartExecution"],
                resources=[self.state_machine.state_machine_arn],
            ),
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:StopExecution"], resources=[children]
            ),
        )
        acknowledge_wildcards(
            policy,
            [f"{name_resource(self.state_machine).replace('.Arn', '')}:*"],
            because="The map names its child executions itself.",
        )


def define_import() -> State:
    """Write the workflow in Amazon States Language with ${function} placeholders."""
    return {
        "Comment": "Write every row of a file of items and members.",
        # the emulator takes a reader's JSONata literally; AWS takes both languages
        "QueryLanguage": "JSONPath",
        "StartAt": "ImportRows",
        "States": {
            "ImportRows": {
                "Type": "Map",
                "Label": "ImportRows",
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "JSONL"},
                    "Parameters": {"Bucket": "${bucket}", "Key.$": "$.key"},
                },
                "ItemBatcher": {"MaxItemsPerBatch": BATCH_ROWS},
                "MaxConcurrency": CONCURRENCY,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "ImportBatch",
                    "States": {
                        "ImportBatch": {
                            **invoke("import_features", payload="{% $states.input %}"),
                            "QueryLanguage": "JSONata",
                            "End": True,
                        }
                    },
                },
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject",
                    "Parameters": {"Bucket": "${bucket}", "Prefix": IMPORT_RESULTS.rstrip("/")},
                },
                "End": True,
            }
        },
    }
