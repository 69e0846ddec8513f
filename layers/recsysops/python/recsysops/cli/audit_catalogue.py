"""The command `audits`: the declarations as a table, a Markdown page or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.output import print_json, print_table
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput

if TYPE_CHECKING:
    from recsysops.detection.declaration import Audit


def audits(
    name: Annotated[str | None, typer.Argument(help="One audit in full; all without.")] = None,
    page: Annotated[bool, typer.Option("--page", help="The catalogue as a Markdown page.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what is audited: question, test, effect floors, owner and runbook of every audit."""
    from recsysops.detection.catalogue import AUDITS, find_audit

    if name is not None and page:
        raise BadInput("--page shows all audits; leave the name out")
    chosen = [find_audit(name)] if name else list(AUDITS)
    if as_json:
        print_json([_told(audit) for audit in chosen])
    elif page:
        typer.echo("\n".join(render_catalogue(chosen)))
    elif name:
        typer.echo("\n".join(_section(chosen[0])).strip())
    else:
        print_table(f"{len(chosen)} audits", [_row(audit) for audit in chosen])


def render_catalogue(audits: Sequence[Audit]) -> Iterator[str]:
    """Yield the lines of the page, roots of trouble first, symptoms last."""
    yield "# Audits"
    yield ""
    yield (
        f"{len(audits)} audits, roots of trouble first. Printed by `recsysops audits --page` from "
        "the declarations in `detection/audits` and `detection/owned_metrics`. An alarm is "
        "significant *and* above its effect floor; `recsysops audits NAME` shows one."
    )
    for audit in audits:
        yield from _section(audit)


def _section(audit: Audit) -> Iterator[str]:
    yield from ("", f"## {audit.name}", "", f"**{audit.question}**", "")
    judged = f"{audit.component}, {audit.severity}, every {audit.every}, baseline {audit.baseline}"
    yield f"- judges: {judged}; owner {audit.owner}"
    if audit.test:
        yield f"- test: {audit.test}"
    if audit.slices:
        yield f"- slices: {', '.join(audit.slices)}"
    if audit.floors:
        floors = ", ".join(f"{metric} ≥ {floor:.3g}" for metric, floor in audit.floors.items())
        yield f"- effect floors: {floors}"
    roots = list(dict.fromkeys(root.by for root in audit.explained_by))
    if roots:
        yield f"- may be a symptom of: {', '.join(roots)}"
    yield f"- first thing to do: {audit.runbook}"


def _row(audit: Audit) -> dict[str, object]:
    return {
        "audit": audit.name,
        "question": audit.question,
        "component": audit.component,
        "every": audit.every,
        "severity": audit.severity,
        "owner": audit.owner,
    }


def _told(audit: Audit) -> dict[str, object]:
    return {
        **_row(audit),
        "test": audit.test,
        "baseline": audit.baseline,
        "slices": audit.slices,
        "floors": dict(audit.floors),
        "depth": audit.depth,
        "explained_by": [root.by for root in audit.explained_by],
        "runbook": audit.runbook,
        "digest": audit.digest,
    }
