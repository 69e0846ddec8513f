"""The words of the house: members, items, requests, slates, windows, findings, incidents.

Frozen dataclasses without behaviour beyond what the word itself means, so that every floor can
use them without knowing any other floor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

HASH_GROUPS = 32
"""Rows are aggregated by this many member (or item) hash groups for the jackknife."""

EXPLORE_FIRST_RANK = 11
EXPLORE_LAST_RANK = 50
"""The ranks an explored slot is drawn from, uniformly, both ends included."""

Surface = str
"""Where in the product a request comes from: built in, or named in the sampling document."""

BUILT_IN_SURFACES = ("home", "search", "item")

Arm = Literal["greedy", "explore"]
Policy = Literal["greedy", "thompson"]
Traffic = Literal["live", "re-timed", "simulated", "mirrored"]
RequestStatus = Literal["ok", "fallback"]
FallbackStep = Literal[
    "plain_surface", "previous_model", "session", "popularity", "static_list", "packaged_list"
]
"""What answered instead of the model that should have: the chain, best first. plain_surface: the
model as it should, without the surface's own plan; session: the model with a vector folded in
from what was chosen so far."""
RollOutArm = Literal["canary", "control"]
FeedbackKind = Literal["impression", "click", "play", "rating"]
Activity = Literal["none", "light", "regular", "heavy"]
"""How much of the catalogue a member had seen: nothing, under 20, under 100, or more items."""
ReplayOutcome = Literal["bit_equal", "within_one_ulp", "different", "refused"]
"""What became of a repeated request; within_one_ulp is only said of a record from another numeric
fingerprint: same order, scores at most one float32 place apart."""
ProfileSubject = Literal[
    "genre",
    "year",
    "language",
    "collaborative",
    "popularity",
    "popularity_correlation",
    "training_plays",
]
"""What a model's profile measures of each item: the norm of a block of its vector, its log
popularity, the product of the standardised norm and popularity (its mean is their correlation),
and its decayed plays in the training data."""
FeatureName = Literal["genres", "year", "language", "price", "in_stock"]
Component = Literal[
    "traffic", "serving", "item_features", "items", "upstream", "model", "flags", "log",
    "downstream", "experiment",
]  # fmt: skip
"""What is broken. upstream: what suppliers deliver as a whole. items: what owners measure of them,
and how launches and groups of items are treated. log: lines on their way to the lake. downstream:
who uses our answers. experiment: who is drawn into arms, exploration and samples."""
Verdict = Literal["input", "model", "serving", "could_not_judge"]
IncidentStatus = Literal["open", "acknowledged", "mitigated", "resolved", "reopened"]
"""mitigated: members are protected, the cause is not mended; only a long-term fix that has landed
ends it. reopened: the cause came back soon after somebody had called it resolved."""
ModelStatus = Literal["candidate", "production", "surface", "retired"]
"""surface: approved to serve, beside production, the surfaces that the pointer gives it."""

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}$"
"""Members, items, requests and events: safe in keys, paths, SQL literals and logs."""

BLOCK_POPULARITY = "popularity"
"""The block whose contribution is the bias."""


def hash_group(identity: str) -> int:
    """Place an identity in one of HASH_GROUPS groups, the same on every machine.

    >>> hash_group("m-1") == hash_group("m-1") and 0 <= hash_group("m-1") < HASH_GROUPS
    True
    """
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") % HASH_GROUPS


def hash_unit(salt: str, identity: str) -> float:
    """Map (salt, identity) to a number in [0, 1) that is uniform over identities.

    Used for sampling, exploration, exposure and experiment arms; a different salt gives an
    independent number.

    >>> 0.0 <= hash_unit("explore", "r-1") < 1.0
    True
    """
    digest = hashlib.sha256(f"{salt}\x1f{identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """What upstream says about an item, with who said it and when.

    `simulated` names the columns that are not real data; whatever shows them must say so.
    `launch_date` None means launched before records began; an item is not eligible before it.
    `anticipation` counts early signs of interest (reminders set, watch-list adds); it stands still
    from the launch on, and None means that nobody counts them.
    """

    item_id: str
    title: str
    genres: tuple[str, ...]
    year: int | None
    language: str | None
    price: float | None
    in_stock: bool | None
    launch_date: date | None
    source: str
    batch: str
    version: int
    simulated: tuple[str, ...] = ()
    anticipation: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member as stored: packed vectors, seen items (oldest first), pseudonym salt.

    `vectors` maps a model id to the vector packed for that model (see model.packing): latent
    spaces of two trainings cannot be compared, so a pinned model needs its own.
    """

    member_id: str
    vectors: Mapping[str, bytes]
    seen: tuple[str, ...]
    salt: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """One choice of one member, at event time (aware, UTC)."""

    member_id: str
    item_id: str
    event_time: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Window:
    """Event-time interval [start, end), both aware and in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One slot of the final slate; `propensity` = probability that the policy shows this item
    in this slot, over the exploration hash."""

    item_id: str
    position: int
    score: float
    propensity: float


@dataclass(frozen=True, slots=True)
class UpcomingLaunch:
    """An item that has a launch date, with what is known of it before it launches.

    `earlier_versions` are the values upstream delivered before, oldest first; `anticipation`
    counts early signs of interest (reminders set, trailer plays), None when nobody counts them.
    """

    item: ItemFeatures
    earlier_versions: tuple[ItemFeatures, ...] = ()
    anticipation: float | None = None


@dataclass(frozen=True, slots=True)
class PastLaunch:
    """A launch whose first week is over; `daily_plays` are its first seven days, day 1 first."""

    item: ItemFeatures
    launched_on: date
    daily_plays: tuple[float, ...]
    anticipation: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a judge holds to be true of one metric in one slice over one window.

    `metric` is e.g. "null_share", `subject` the feature, block or model it speaks of,
    `slice` e.g. {"source": "supplier-3"}. `effect` is in the audit's own unit, to be compared
    with `effect_floor`; `p_value` is two-sided; `alarm` is the decision after both and after
    false-discovery control.
    """

    audit: str
    finding_id: str
    component: Component
    metric: str
    subject: str
    slice: Mapping[str, str]
    baseline: float
    observed: float
    effect: float
    effect_floor: float
    p_value: float
    alarm: bool
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incident:
    """Findings with one cause, folded together, with the story since.

    contributions: slices by their part of the whole change, largest first, {slice, share}.
    affected: how many of what, as far as the aggregates tell: {unit, estimate, of}; a diagnosis
    adds members and requests. links: long-term fixes, {url, state: planned|landed}.
    """

    incident_id: str
    status: IncidentStatus
    component: Component
    subject: str
    title: str
    severity: Literal["low", "high", "critical"]
    detected_at: datetime
    window: Window
    reference: Window | None
    findings: tuple[Finding, ...]
    timeline: tuple[Mapping[str, str], ...] = ()
    diagnosis: Mapping[str, object] | None = None
    contributions: tuple[Mapping[str, object], ...] = ()
    affected: Mapping[str, object] = field(default_factory=dict)
    links: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A row of the model registry."""

    model_id: str
    status: ModelStatus
    trained_at: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Canary:
    """A model that serves `percent` of the members: those whose hash under `salt` is lowest.

    The members next to them on the same hash, as many, are its concurrent control. The salt
    names the roll-out: another one draws other members.
    """

    model_id: str
    percent: float
    salt: str


@dataclass(frozen=True, slots=True)
class Shadow:
    """A model that scores a share of the requests after their response; nobody is shown it."""

    model_id: str
    share: float


@dataclass(frozen=True, slots=True)
class ModelPointer:
    """What the `model` AppConfig environment says: who serves, who waits, who served before.

    previous: serves members that production has no fitting vector of, and everybody when
    production cannot be loaded. surfaces: models that serve a surface in production's place.
    """

    production: str
    candidate: str | None = None
    previous: str | None = None
    canary: Canary | None = None
    shadow: Shadow | None = None
    surfaces: Mapping[Surface, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SurfacePlan:
    """How a surface fills its slate; as it stands it is the plain order of the scores.

    diversity: score that an item loses when its content equals that of one of the
    `diversity_window` items just above it. launch_slots: positions (from 1, ascending) reserved
    for items launched at most `launch_days` ago. policy: greedy, or thompson, under which recent
    launches (and all items, for members without a vector) draw their play rate from a posterior
    whose prior is worth `prior_trials` impressions.
    """

    diversity: float = 0.0
    diversity_window: int = 5
    launch_slots: tuple[int, ...] = ()
    launch_days: int = 30
    policy: Policy = "greedy"
    prior_trials: float = 20.0


PLAIN_SURFACE = SurfacePlan()


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How requests are explored and logged in full.

    `rate` is the inclusion probability of an ordinary request; `stratum_rates` override it;
    `raised_rate` is for errors, fallbacks, exploration and active hotfixes. `surfaces` says how
    surfaces fill their slates; whoever plans other rates keeps them. `raised_per_minute` caps
    how many requests one scorer raises in a minute: an outage must not log everything.
    `may_lack_surfaces`: no document could be read yet, so a surface not named here may exist.
    """

    rate: float = 0.25
    raised_rate: float = 0.9
    explore_rate: float = 0.1
    stratum_rates: Mapping[str, float] = field(default_factory=dict)
    surfaces: Mapping[str, SurfacePlan] = field(default_factory=dict)
    raised_per_minute: int = 3_000
    may_lack_surfaces: bool = False


@dataclass(frozen=True, slots=True)
class Hotfix:
    """One entry of the hotfix menu as deployed; `params` depend on the kind."""

    hotfix_id: str
    kind: Literal[
        "override_feature", "mask_feature", "block_items", "popularity_fallback", "pin_model"
    ]
    params: Mapping[str, object]
    percent: float
    salt: str
    owner: str
    reason: str
    expires_at: datetime
    incident_id: str | None = None


@dataclass(frozen=True, slots=True)
class FlagDocument:
    """The content of the `hotfixes` environment; `version` is a digest of the content.

    `rejected` is the digest of a newer document (of these hotfixes, else of the model pointer or
    the sampling plan) that broke the rules: the last good one is kept, and the slim log says so.
    """

    version: str
    rejected: str | None = None
    hotfixes: tuple[Hotfix, ...] = ()
