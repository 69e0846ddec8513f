"""Deploys, undoes and stops hotfixes: validated, compared before set, kept for replay, recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from recsysops.errors import ConflictError
from recsysops.ports import AuditTrail, BlobStore, ConfigDeployer
from recsysops.resolution.deployment import (
    read_current,
    refuse_stale_base,
    validate_deployment,
    with_hotfix,
    without_hotfix,
)
from recsysops.serving.flag_document import (
    LAST_GOOD_KEY,
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.vocabulary import FlagDocument, Hotfix

Strategy = Literal["staged", "at-once"]
Action = Literal["deploy", "undo", "kill"]

KILL_ATTEMPTS = 40
KILL_PAUSE_SECONDS = 1.0
"""AppConfig needs moments to settle a stopped deployment; 40 s of patience keep within 60 s."""


@dataclass(frozen=True, slots=True)
class HotfixPorts:
    """What a change of hotfixes needs: the `hotfixes` environment, the artefact bucket, the
    trail of who did what."""

    deployer: ConfigDeployer
    blobs: BlobStore
    trail: AuditTrail


@dataclass(frozen=True, slots=True)
class HotfixChange:
    """Who changes the hotfixes, when and how.

    expected_version: version of the document the operator looked at; None skips the comparison.
    """

    operator: str
    now: datetime
    strategy: Strategy = "staged"
    expected_version: str | None = None


@dataclass(frozen=True, slots=True)
class DeployedHotfixes:
    """What is being deployed, from which document, and the deployment that does it."""

    deployment_id: str
    version: str
    previous_version: str
    document: FlagDocument


def deploy_hotfix(
    hotfix: Hotfix,
    *,
    ports: HotfixPorts,
    change: HotfixChange,
    known_items: Collection[str],
    known_models: Collection[str],
) -> DeployedHotfixes:
    """Add one hotfix to what is deployed (or replace the one of its id).

    Raises: FlagError when it breaks a rule; ConflictError when a deployment runs or another
    document was deployed meanwhile; DependencyError.
    """
    current = read_current(ports.deployer.current())
    refuse_stale_base(current, change.expected_version)
    document = validate_deployment(
        with_hotfix(current, hotfix),
        current,
        known_items=known_items,
        known_models=known_models,
        now=change.now,
    )
    return _deploy(current, document, ports=ports, change=change, action="deploy")


def undo_hotfix(hotfix_id: str, *, ports: HotfixPorts, change: HotfixChange) -> DeployedHotfixes:
    """Deploy the document without one hotfix: scores return exactly to what they were.

    Raises: NotFound when it is not deployed; otherwise as `deploy_hotfix`. While the hotfix's
    own deployment still runs this is a ConflictError: wait, or use the kill switch.
    """
    current = read_current(ports.deployer.current())
    refuse_stale_base(current, change.expected_version)
    document = without_hotfix(current, hotfix_id)
    return _deploy(current, document, ports=ports, change=change, action="undo")


def confirm_deployed(ports: HotfixPorts) -> bool:
    """Keep what is deployed as the last good document, once its deployment has ended well.

    Called before and after every change and whenever the hotfixes are listed: a document that is
    still being rolled out may yet be rolled back, and must not serve a scorer that starts while
    AppConfig serves nonsense.

    Returns whether the newest deployment is complete. Raises: FlagError, DependencyError.
    """
    if ports.deployer.status().get("state") != "COMPLETE":
        return False
    _remember(read_current(ports.deployer.current()), ports.blobs)
    return True


def kill_hotfixes(
    *,
    ports: HotfixPorts,
    change: HotfixChange,
    sleep: Callable[[float], None] = time.sleep,
    attempts: int = KILL_ATTEMPTS,
) -> DeployedHotfixes:
    """Stop whatever is being deployed, then deploy the empty document at once.

    Reads nothing that could be broken and compares nothing: this is the emergency brake. The
    bucket and the trail are written after the deployment.

    Raises: ConflictError when a deployment could not be stopped; DependencyError.
    """
    document = build_flag_document()
    deployment_id = _stop_and_deploy(document, ports.deployer, change, sleep, attempts)
    _store(document, ports.blobs)
    _remember(document, ports.blobs)
    done = DeployedHotfixes(deployment_id, document.version, "", document)
    _record(done, ports=ports, change=change, action="kill")
    return done


def _stop_and_deploy(
    document: FlagDocument,
    deployer: ConfigDeployer,
    change: HotfixChange,
    sleep: Callable[[float], None],
    attempts: int,
) -> str:
    note = f"kill switch by {change.operator}"
    for _ in range(attempts):
        deployer.stop()
        try:
            return deployer.deploy(dump_flag_document(document), strategy="at-once", note=note)
        except ConflictError:
            sleep(KILL_PAUSE_SECONDS)
    raise ConflictError(f"the running deployment did not stop in {attempts} attempts; try again")


def _deploy(
    current: FlagDocument,
    document: FlagDocument,
    *,
    ports: HotfixPorts,
    change: HotfixChange,
    action: Action,
) -> DeployedHotfixes:
    before = ports.deployer.status()
    if before.get("state") == "COMPLETE":
        _remember(current, ports.blobs)
    # stored first: a request may name this version the moment the deployment starts
    _store(document, ports.blobs)
    deployment_id = ports.deployer.deploy(
        dump_flag_document(document),
        strategy=change.strategy,
        note=f"{action} by {change.operator}: {current.version} -> {document.version}",
    )
    done = DeployedHotfixes(deployment_id, document.version, current.version, document)
    _record(done, ports=ports, change=change, action=action)
    _refuse_overtaken(before, deployment_id, ports.deployer)
    confirm_deployed(ports)
    return done


def _refuse_overtaken(
    before: Mapping[str, str], deployment_id: str, deployer: ConfigDeployer
) -> None:
    """AppConfig cannot compare and set: a gap in the numbers shows who slipped in between."""
    previous = before.get("deployment_id") or "0"
    if not (previous.isdigit() and deployment_id.isdigit()):
        return
    if int(deployment_id) != int(previous) + 1:
        stopped = deployer.stop()
        outcome = "was stopped" if stopped else "is served, and may have undone the other"
        raise ConflictError(
            f"another deployment started between {previous} and {deployment_id}; "
            f"{deployment_id} {outcome}: look again and repeat"
        )


def _store(document: FlagDocument, blobs: BlobStore) -> None:
    blobs.put(flag_document_key(document.version), dump_flag_document(document).encode())


def _remember(document: FlagDocument, blobs: BlobStore) -> None:
    blobs.put(LAST_GOOD_KEY, dump_flag_document(document).encode())


def _record(
    done: DeployedHotfixes, *, ports: HotfixPorts, change: HotfixChange, action: Action
) -> None:
    hotfixes = done.document.hotfixes
    ports.trail.append(
        {
            # the number alone would repeat after the stack is made anew
            "deployment_id": f"{change.now:%Y%m%dT%H%M%SZ}-hotfixes-{done.deployment_id}",
            "action": action,
            "operator": change.operator,
            "at": change.now.isoformat(),
            "strategy": "at-once" if action == "kill" else change.strategy,
            "version": done.version,
            "previous_version": done.previous_version,
            "hotfix_ids": ",".join(hotfix.hotfix_id for hotfix in hotfixes),
            "incident_ids": ",".join(sorted({h.incident_id for h in hotfixes if h.incident_id})),
        }
    )
