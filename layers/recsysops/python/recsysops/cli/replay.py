"""The command replay: repeat logged requests, ask what a change would do, explain what was done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.operate import parse_optional_window
from recsysops.cli.output import people, print_json
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput, NotFound
from recsysops.vocabulary import Hotfix, ReplayOutcome, Window

if TYPE_CHECKING:
    from recsysops.bootstrap import Ports
    from recsysops.request_log.records import FullRequest
    from recsysops.workflows.ask_what_if import FindVector

SAMPLED_DAYS = timedelta(days=7)
"""--sample without a window looks so far back."""


def replay(
    request_id: Annotated[
        str | None, typer.Argument(help="One request; or give a window or --sample.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from")] = None,
    end: Annotated[str | None, typer.Option("--to")] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="So many requests, spread over the window (or the last week)."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="model=ID, feature=ITEM:FIELD=VALUE or hotfix=FILE_OR_ID; may be repeated: what "
            "would the slate have been?",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option(help="Show features, contributions, filters, exploration, order.")
    ] = False,
    ask_members: Annotated[
        bool,
        typer.Option(help="With model=ID: take vectors the log lacks from the members table."),
    ] = False,
    check_digests: Annotated[
        bool, typer.Option(help="Refuse records whose inputs changed.")
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """Repeat logged requests from log, artefact and snapshots alone, and compare bit for bit."""
    if ask_members and not changes:
        raise BadInput("--ask-members needs --with model=ID")
    ports = open_ports()
    questions = _read_changes(changes or [], ports)
    window = parse_optional_window(start, end)
    records = _read_records(ports, request_id, window=window, sample=sample)
    if not records and (questions or explain or request_id):
        raise NotFound("no full record was logged there; only a sample of requests is")
    if not (questions or explain):
        _repeat(records, ports, check_digests=check_digests, as_json=as_json)
        return
    _answer(
        records, ports, questions, explain=explain, ask_members=ask_members,
        check_digests=check_digests, as_json=as_json,
    )  # fmt: skip


def _repeat(
    records: list[FullRequest], ports: Ports, *, check_digests: bool, as_json: bool
) -> None:
    from recsysops.workflows.replay_requests import replay_requests

    report = replay_requests(records, cache=ports.catalogues, check_digests=check_digests)
    outcomes: tuple[ReplayOutcome, ...] = get_args(ReplayOutcome)
    counts: dict[str, int] = {outcome: report.count(outcome) for outcome in outcomes}
    if as_json:
        print_json({"records": len(records), **counts, "holds": report.holds})
    else:
        told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)
        people.print(f"full records: {len(records)} ({told})")
    if not report.holds:
        raise typer.Exit(1)


def _answer(
    records: list[FullRequest],
    ports: Ports,
    questions: tuple[Hotfix, ...],
    *,
    explain: bool,
    ask_members: bool,
    check_digests: bool,
    as_json: bool,
) -> None:
    from recsysops.cli.what_if_report import show_explanations, show_what_if
    from recsysops.workflows.ask_what_if import ask_what_if, explain_requests

    cache, refused = ports.catalogues, 0
    document: dict[str, object] = {"records": len(records)}
    if explain:
        explained = explain_requests(records, cache=cache, check_digests=check_digests)
        document |= {"explanations": explained}
        refused += sum(one.refusal is not None for one in explained)
        if not as_json:
            show_explanations(explained)
    if questions:
        report = ask_what_if(
            records, questions, cache=cache, check_digests=check_digests,
            find_vector=_vector_finder(ports, ask_members=ask_members),
        )  # fmt: skip
        document |= {"changes": report.changes}
        document |= {"what_if": {"summary": report.summarise(), "answers": report.answers}}
        refused += len(records) - len(report.answered)
        if not as_json:
            show_what_if(report)
    if as_json:
        print_json(document)
    if refused:
        raise typer.Exit(1)


def _read_records(
    ports: Ports, request_id: str | None, *, window: Window | None, sample: int | None
) -> list[FullRequest]:
    from recsysops.workflows.replay_requests import read_full_records

    if sample is not None and request_id is not None:
        raise BadInput("one request is no sample: give a request id or --sample")
    if sample is not None and window is None:
        now = ports.clock()
        window = Window(now - SAMPLED_DAYS, now)
    return read_full_records(ports.queries, window=window, request_id=request_id, limit=sample)


def _read_changes(texts: list[str], ports: Ports) -> tuple[Hotfix, ...]:
    if not texts:
        return ()
    from recsysops.serving.what_if_change import parse_changes
    from recsysops.workflows.ask_what_if import find_hotfix_document

    def read(name: str) -> str:
        path = Path(name)
        if not path.is_file():
            return find_hotfix_document(ports.blobs, name)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"--with hotfix={name} cannot be read: {error}") from error

    return parse_changes(texts, read)


def _vector_finder(ports: Ports, *, ask_members: bool) -> FindVector:
    from recsysops.workflows.ask_what_if import vectors_in_log, vectors_in_table

    logged = vectors_in_log(ports.queries)
    if not ask_members:
        return logged
    return vectors_in_table(ports.members, ports.catalogues, before=logged)
