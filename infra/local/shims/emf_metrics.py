"""Shim: the emulator keeps embedded-metric-format log lines as text.

Missing upstream: the metrics in them, hence every alarm and dashboard on them.
"""

import json
from collections.abc import Callable, Iterator

from ministack.services import cloudwatch, lambda_svc

from infra.local.shims.patching import find_part, wrap_part

Emit = Callable[..., None]


def install() -> None:
    """Record the metrics of every embedded-metric-format line that a function logs."""
    find_part(cloudwatch, "record_metric")
    wrap_part(lambda_svc, "_emit_lambda_logs", _record_metrics)


def _record_metrics(emit: Emit) -> Emit:
    def emit_and_record(
        function: object, request_id: str, log_text: str, *args: object, **options: object
    ) -> None:
        emit(function, request_id, log_text, *args, **options)
        for document in _embedded_documents(log_text or ""):
            _record_document(document)

    return emit_and_record


def _embedded_documents(log_text: str) -> Iterator[dict[str, object]]:
    for line in log_text.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            document = json.loads(line)
        except ValueError:
            continue  # a log line that only mentions "_aws"
        if isinstance(document, dict) and isinstance(document.get("_aws"), dict):
            yield document


def _record_document(document: dict[str, object]) -> None:
    for directive in document["_aws"].get("CloudWatchMetrics", []):  # type: ignore[attr-defined]
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                for number in _numbers(document.get(metric["Name"])):
                    cloudwatch.record_metric(
                        directive["Namespace"],
                        metric["Name"],
                        number,
                        unit=metric.get("Unit", "None"),
                        dimensions=dimensions,
                    )


def _numbers(value: object) -> list[float]:
    values = value if isinstance(value, list) else [value]
    return [float(number) for number in values if isinstance(number, int | float)]
