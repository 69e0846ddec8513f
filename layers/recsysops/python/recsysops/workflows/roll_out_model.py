"""Brings a model to members and takes it back: canary, promotion, rollback, shadow.

Every change is one new pointer document, checked by our own code before it is deployed, recorded
in the trail. AppConfig transports it; which members see a canary is decided by their hash.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Literal

from recsysops.errors import ArtefactError, BadInput, ConflictError, FlagError, NotFound
from recsysops.ports import AuditTrail, ConfigDeployer, MemberStore, ModelRegistry
from recsysops.serving.roll_out import dump_model_pointer, parse_model_pointer
from recsysops.vocabulary import Canary, ModelPointer, ModelStatus, Shadow, Surface
from recsysops.workflows.approved_models import approved_models
from recsysops.workflows.compare_artefacts import compare_artefacts
from recsysops.workflows.load_catalogue import CatalogueCache, read_delta_pointer

Strategy = Literal["staged", "at-once"]
Action = Literal["canary", "promote", "rollback", "shadow", "surface"]

SAMPLED_MEMBERS = 200
LEAST_VECTOR_SHARE = 0.5
"""Fewer members with a vector and the new model would mostly serve fallbacks."""
STOP_ATTEMPTS = 40
STOP_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RollOutPorts:
    """What a roll-out needs: the `model` environment, the registry, the bucket, the members."""

    deployer: ConfigDeployer
    registry: ModelRegistry
    catalogues: CatalogueCache
    members: MemberStore
    trail: AuditTrail


@dataclass(frozen=True, slots=True)
class RollOutChange:
    """Who changes the pointer, when and how."""

    operator: str
    now: datetime
    strategy: Strategy = "staged"


@dataclass(frozen=True, slots=True)
class DeployedPointer:
    """What is being deployed, over what, by which deployment.

    differences: how the model that comes differs from the one that serves, a sentence each.
    """

    deployment_id: str
    pointer: ModelPointer
    previous: ModelPointer
    differences: tuple[str, ...] = ()


def start_canary(canary: Canary, *, ports: RollOutPorts, change: RollOutChange) -> DeployedPointer:
    """Let a model serve a share of the members, with a control of the same size.

    Raises: FlagError when the document breaks a rule or the model cannot serve; NotFound when
    the registry does not know it; ConflictError while a deployment runs; DependencyError.
    """
    current = read_pointer(ports)
    pointer = replace(current, canary=canary)
    require_servable(canary.model_id, ports)
    told = describe_differences(canary.model_id, current.production, ports)
    done = _deploy_and_settle(current, pointer, ports=ports, change=change, action="canary")
    return replace(done, differences=told)


def start_shadow(
    shadow: Shadow | None, *, ports: RollOutPorts, change: RollOutChange
) -> DeployedPointer:
    """Score a share of the requests with a model that nobody is shown; None ends it.

    Raises: as `start_canary`.
    """
    current = read_pointer(ports)
    if shadow is not None:
        require_servable(shadow.model_id, ports)
    pointer = replace(current, shadow=shadow)
    return _deploy(current, pointer, ports=ports, change=change, action="shadow")


def serve_surface(
    surface: Surface, model_id: str | None, *, ports: RollOutPorts, change: RollOutChange
) -> DeployedPointer:
    """Let a surface be served by a model of its own, beside production; None ends it.

    The registry approves the model while a surface names it: the audit of served models asks the
    registry. Members keep vectors for it however many newer models are released.

    Raises: BadInput when the surface has none to end; else as `start_canary`.
    """
    current = read_pointer(ports)
    before = current.surfaces.get(surface)
    others = {name: other for name, other in current.surfaces.items() if name != surface}
    if model_id is None and before is None:
        raise BadInput(f"surface {surface!r} has no model of its own")
    if model_id is None:
        surfaces = others
    else:
        require_servable(model_id, ports)
        surfaces = {**others, surface: model_id}
    pointer = replace(current, surfaces=surfaces)
    return _deploy_and_settle(current, pointer, ports=ports, change=change, action="surface")


def promote_model(
    model_id: str | None, *, ports: RollOutPorts, change: RollOutChange
) -> DeployedPointer:
    """Make a model (None: the canary's) production; the one before stays loaded behind it.

    Raises: BadInput when none is named and no canary runs, or it is production already; else as
    `start_canary`.
    """
    current = read_pointer(ports)
    chosen = model_id or (current.canary.model_id if current.canary else None)
    if chosen is None:
        raise BadInput("no canary runs: name the model to promote")
    if chosen == current.production:
        raise BadInput(f"{chosen} is the production model already")
    require_servable(chosen, ports)
    told = describe_differences(chosen, current.production, ports)
    pointer = ModelPointer(chosen, previous=current.production, surfaces=current.surfaces)
    done = _deploy_and_settle(current, pointer, ports=ports, change=change, action="promote")
    return replace(done, differences=told)


def roll_back(
    *,
    ports: RollOutPorts,
    change: RollOutChange,
    sleep: Callable[[float], None] = time.sleep,
    attempts: int = STOP_ATTEMPTS,
) -> DeployedPointer:
    """Take the newest step back, at once: end the canary, else return to the previous model.

    A running deployment is stopped first. The model that is returned to served before, so it is
    not judged again: this must work in an emergency.

    Raises: BadInput when there is no step to take back; ConflictError when a deployment could
    not be stopped; DependencyError.
    """
    current = read_pointer(ports)
    pointer = _one_step_back(current)
    change = replace(change, strategy="at-once")
    for _ in range(attempts):
        ports.deployer.stop()
        try:
            return _deploy_and_settle(
                current, pointer, ports=ports, change=change, action="rollback"
            )
        except ConflictError:
            sleep(STOP_PAUSE_SECONDS)
    raise ConflictError(f"the running deployment did not stop in {attempts} attempts; try again")


def read_pointer(ports: RollOutPorts) -> ModelPointer:
    """Return the deployed pointer; before the first deployment the registry's.

    Raises: NotFound when no model was ever approved; FlagError when it breaks the rules.
    """
    text = ports.deployer.current()
    pointer = parse_model_pointer(text) if text else approved_models(ports.registry)
    if pointer is None:
        raise NotFound("no model is in production yet; run 'recsysops train'")
    return pointer


def require_registered(model_id: str, registry: ModelRegistry) -> None:
    """Check that the registry knows a model. Raises: NotFound, DependencyError."""
    known = [entry.model_id for entry in registry.entries()]
    if model_id not in known:
        raise NotFound(f"no model {model_id!r} in the registry; it has {', '.join(known[:5])}")


def require_servable(model_id: str, ports: RollOutPorts) -> None:
    """Check that a model is registered, whole, fits the snapshot and has members' vectors.

    Raises: NotFound, FlagError, DependencyError.
    """
    require_registered(model_id, ports.registry)
    try:
        delta = read_delta_pointer(ports.catalogues.blobs)
        ports.catalogues.load(model_id, delta.delta_id)
    except ArtefactError as error:
        raise FlagError(f"{model_id} cannot serve: {error}") from error
    sample = list(islice(ports.members.scan(), SAMPLED_MEMBERS))
    fitting = sum(model_id in member.vectors for member in sample)
    if fitting < LEAST_VECTOR_SHARE * len(sample):
        raise FlagError(
            f"{model_id} cannot serve: {fitting} of {len(sample)} sampled members have a vector "
            f"for it; at least {LEAST_VECTOR_SHARE:.0%} must"
        )


def describe_differences(model_id: str, serving: str, ports: RollOutPorts) -> tuple[str, ...]:
    """Say how a servable model differs from the one that serves, before it takes over.

    It refuses nothing: a model of another kind differs and may be better. Raises: DependencyError.
    """
    catalogues = ports.catalogues
    try:
        before = catalogues.artefact(serving)
        items = catalogues.load(model_id, read_delta_pointer(catalogues.blobs).delta_id).items
    except ArtefactError as error:
        return (f"cannot be compared with {serving}: {error}",)
    features = {item.item_id: item for item in items}
    return compare_artefacts(catalogues.artefact(model_id), before, features)


def _one_step_back(current: ModelPointer) -> ModelPointer:
    if current.canary is not None:
        return replace(current, canary=None)
    if current.previous is None:
        raise BadInput(f"nothing to take back: {current.production} has no previous model")
    return ModelPointer(current.previous, surfaces=current.surfaces)


def _deploy_and_settle(
    current: ModelPointer,
    pointer: ModelPointer,
    *,
    ports: RollOutPorts,
    change: RollOutChange,
    action: Action,
) -> DeployedPointer:
    done = _deploy(current, pointer, ports=ports, change=change, action=action)
    _settle_statuses(current, pointer, ports.registry)
    return done


def _deploy(
    current: ModelPointer,
    pointer: ModelPointer,
    *,
    ports: RollOutPorts,
    change: RollOutChange,
    action: Action,
) -> DeployedPointer:
    document = dump_model_pointer(pointer)
    parse_model_pointer(document)  # what scorers would refuse is never deployed
    deployment_id = ports.deployer.deploy(
        document,
        strategy=change.strategy,
        note=f"{action} by {change.operator}: {current.production} -> {pointer.production}",
    )
    ports.trail.append(
        {
            "deployment_id": f"{change.now:%Y%m%dT%H%M%SZ}-model-{deployment_id}",
            "action": action,
            "operator": change.operator,
            "at": change.now.isoformat(),
            "strategy": change.strategy,
            "document": document,
            "previous_document": dump_model_pointer(current),
        }
    )
    return DeployedPointer(deployment_id, pointer, current)


def _settle_statuses(before: ModelPointer, after: ModelPointer, registry: ModelRegistry) -> None:
    """Let the registry say what every model of a pointer may do; who served and left retires."""
    roles: dict[str, ModelStatus] = {after.canary.model_id: "candidate"} if after.canary else {}
    roles |= dict.fromkeys(after.surfaces.values(), "surface")
    roles[after.production] = "production"
    for model_id in {before.production, *before.surfaces.values()} - roles.keys():
        roles[model_id] = "retired"
    for model_id, status in roles.items():
        _set_status(model_id, status, registry)


def _set_status(model_id: str, status: ModelStatus, registry: ModelRegistry) -> None:
    for entry in registry.entries():
        if entry.model_id == model_id and entry.status != status:
            registry.put(replace(entry, status=status))
