"""Shim: the emulator waits for silence to know that a handler's log is complete.

Missing upstream: an end mark. A handler that logs nothing cost 50 ms, one that logs 6 ms, and a
line that came late was booked on the next invocation. Here the worker ends each invocation's
log with a mark, and the drain stops at the mark.
"""

import queue
import time
from collections.abc import Iterator

from ministack.core import lambda_runtime

from infra.local.shims.patching import find_part, replace_text, wrap_part

_END_OF_LOG = "\x1eend-of-log"
_LONGEST_WAIT_SECONDS = 0.25  # upstream's own cap; reached only when a worker died unheard
_ANSWER_IS_WRITTEN = "        _real_stdout.flush()\n\nrun()"


def install() -> None:
    """Make workers mark the end of each log and the drain stop there."""
    mark = f"        sys.stderr.write({_END_OF_LOG!r} + chr(10)); sys.stderr.flush()\n"
    replace_text(
        lambda_runtime,
        "_PYTHON_WORKER_SCRIPT",
        old=_ANSWER_IS_WRITTEN,
        new=mark + _ANSWER_IS_WRITTEN,
    )
    find_part(lambda_runtime.Worker, "_read_stderr")
    wrap_part(lambda_runtime.Worker, "_drain_stderr_bounded", lambda _: _drain_to_mark)


def _drain_to_mark(worker: "lambda_runtime.Worker") -> str:
    """Return one invocation's log lines; without a mark, what came within the longest wait."""
    return "\n".join(_lines_to_mark(worker._stderr_queue))


def _lines_to_mark(lines: "queue.Queue[str]") -> Iterator[str]:
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            return
        # a handler's last words may lack their line end, so the mark may follow on their line
        if unmarked := line.removesuffix(_END_OF_LOG):
            yield unmarked
        if line.endswith(_END_OF_LOG):
            return
