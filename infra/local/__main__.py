"""The laptop stage from the command line: python -m infra.local up | down | status | clean."""

import argparse
import json
import sys
from pathlib import Path

from recsysops.errors import RecSysOpsError

from infra.local.layout import Layout
from infra.local.ports import DEFAULT_PORT
from infra.local.stage import Status, bring_up, forget, read_status, take_down


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 2 after one line that says what was wrong."""
    options = _parse(arguments)
    try:
        status = _run(options)
    except RecSysOpsError as error:
        _print_error(error, as_json=options.json)
        return 2
    print(json.dumps(status.to_json()) if options.json else _render(status))
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status", "clean"])
    parser.add_argument("--port", type=int, help=f"port of the stage (default {DEFAULT_PORT})")
    parser.add_argument("--auth", action="store_true", help="enforce IAM: ungranted calls fail")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> Status:
    layout = Layout(root=options.root.resolve()) if options.root else Layout()
    match options.command:
        case "up":
            return bring_up(layout, port=options.port, auth=options.auth)
        case "down":
            return take_down(layout)
        case "clean":
            return forget(layout)
        case _:
            return read_status(layout)


def _print_error(error: RecSysOpsError, *, as_json: bool) -> None:
    line = " ".join(str(error).split())
    print(line, file=sys.stderr)
    if as_json:
        print(json.dumps({"status": "error", "error": line}))


def _render(status: Status) -> str:
    if status.status == "down":
        return "the laptop stage is down"
    stacks = ", ".join(f"{name} {state}" for name, state in status.stacks.items()) or "no stack"
    spent = ", ".join(f"{name} {value:.1f} s" for name, value in status.seconds.items())
    where = f"the laptop stage is up at {status.endpoint} (process {status.pid}): {stacks}"
    return f"{where}; {spent}" if spent else where


if __name__ == "__main__":
    sys.exit(main())
