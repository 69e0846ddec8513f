"""The workflow `predict_launches`: dry-run every upcoming launch and flag the ones in danger."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from infra.components.python_function import PythonFunction
from infra.components.state_machine import Workflow
from infra.components.states import RUN, State, invoke
from infra.settings import StageSettings


class LaunchWorkflow(Workflow):
    """Input: {} or what functions/predict_launches takes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, PythonFunction],
        settings: StageSettings,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            definition=define_launch_prediction(),
            functions=functions,
            settings=settings,
        )


def define_launch_prediction() -> State:
    """Write the workflow in Amazon States Language with ${function} placeholders."""
    return {
        "Comment": "Predict: dry-run the launches of the coming days, flag the ones in danger.",
        "QueryLanguage": "JSONata",
        "StartAt": "PredictLaunches",
        "States": {
            "PredictLaunches": {**invoke("predict_launches", payload=RUN), "End": True},
        },
    }
