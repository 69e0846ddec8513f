"""Shim: the emulator calls every handler error `Runtime.HandlerError`.

Missing upstream: the exception's class, by which Step Functions' Retry and Catch choose.
"""

import threading
from collections.abc import Callable

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from infra.local.shims.patching import replace_text, wrap_part

Answer = dict[str, object]
_ANSWER_WITHOUT_CLASS = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_ANSWER_WITH_CLASS = _ANSWER_WITHOUT_CLASS[:-1] + ', "error_type": type(e).__name__}'
_UNNAMED = "Runtime.HandlerError"
# The worker's answer loses the class on its way to the caller, on one and the same thread.
_last_answer = threading.local()


def install() -> None:
    """Let workers send the exception's class and the service pass it on."""
    replace_text(
        lambda_runtime, "_PYTHON_WORKER_SCRIPT", old=_ANSWER_WITHOUT_CLASS, new=_ANSWER_WITH_CLASS
    )
    wrap_part(lambda_runtime.Worker, "invoke", _remember_class)
    wrap_part(lambda_svc, "_execute_function_warm", _name_class)


def _remember_class(invoke: Callable[..., Answer]) -> Callable[..., Answer]:
    def invoke_and_remember(*args: object, **options: object) -> Answer:
        answer = invoke(*args, **options)
        _last_answer.error_type = answer.get("error_type")
        return answer

    return invoke_and_remember


def _name_class(execute: Callable[..., Answer]) -> Callable[..., Answer]:
    def execute_and_name(*args: object, **options: object) -> Answer:
        _last_answer.error_type = None
        answer = execute(*args, **options)
        body = answer.get("body")
        if isinstance(body, dict) and body.get("errorType") == _UNNAMED and answer.get("error"):
            body["errorType"] = _last_answer.error_type or _UNNAMED
        return answer

    return execute_and_name
