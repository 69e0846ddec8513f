"""How a cause becomes an incident in the book, and how the book's incidents go on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from recsysops.detection.checks import BLIND
from recsysops.detection.context import AuditContext
from recsysops.detection.contributions import estimate_affected, rank_contributions
from recsysops.detection.fold import SEVERITIES, FoundCause
from recsysops.detection.places import place_of
from recsysops.detection.roots import block_of, owner_of
from recsysops.detection.sightings import PASSING, judged_window
from recsysops.vocabulary import Finding, Incident

_KEPT_OF_BEFORE = 5
"""Findings that stay with an incident whose cause was named later."""
KEPT_FINDINGS = 20
"""Findings an incident carries at most, the weightiest ones: a DynamoDB item holds 400 KiB."""
KEPT_SIGHTINGS = 400
"""Judgements that say whether the cause was there: an hourly audit's of eight days, 64 KiB."""
_PHRASES = {
    "refused_document_share": "{subject} was refused, the last good one serves",
    "requests": "requests",
    "request_share": "share of the requests",
    "silent_share": "{subject} gets no rows: hours without any",
    "full_without_slim_share": "{subject} lost lines: full records without one",
    "feedback_without_slim_share": "{subject} lost lines: feedback without one",
    "repeat_share": "{subject} was written more than once: repeated rows",
    "early_feedback_share": "clocks disagree: feedback before its request",
    "late_rows_share": "requests reach the lake late",
    "future_rows_share": "requests from the future",
    "hour_profile": "requests come at other hours than everybody's: distance of the day",
    "clock_shift": "requests come some hours off, all of them: distance of the day",
    "broken_score_share": "{subject} are no numbers",
    "constant_score_share": "{subject} are the same for all items of a request",
    "empty_slate_share": "nothing is shown",
    "latency_shift": "requests are slower: mean log of milliseconds",
    "slow_share": "requests are slower than nearly all were",
    "full_record_gap": "full records are not drawn as planned: gap to the expected number",
    "exploration_gap": "exploration is not drawn as planned: gap to the planned share",
    "exploration_share": "share of explored requests changed",
    "roll_out_gap": "{subject} is not split in halves: gap of the canary's share",
    "roll_out_change": "{subject} is split otherwise than before: gap of the canary's share",
    "heavy_member_share": "a few members ask for far more than they ever did",
    "unknown_request_share": "{subject} shows answers that we never sent",
    "resorted_share": "{subject} shows our answers in another order",
    "dropped_share": "{subject} leaves items of ours out",
    "added_share": "{subject} adds items of its own",
    "answered_share": "requests that any feedback came back for",
    "shown_play_share": "fewer of the plays are of what was shown",
    "play_share": "plays among clicks and plays changed",
    "snapshot_age_hours": "the snapshot of the catalogue that answers is old: mean age in hours",
    "slim_without_full_share": "{subject} lost lines: recorded requests without one",
    "unapproved_model_share": "{subject} serves although the registry did not approve it",
    "canary_plays": "canary {subject} earns fewer plays than its control: share of requests",
    "canary_fallbacks": "canary {subject} falls back more often than its control",
    "fallback_share": "fallback '{subject}'",
    "older_batch_share": "{subject} went back in time: items with an older batch than before",
    "lagging_batch_share": "{subject} is late: items with a batch older than usual",
    "malformed_batch_share": "{subject} is no date",
    "null_share": "{subject} is missing",
    "zero_share": "{subject} is exactly zero",
    "empty_share": "{subject} is empty",
    "spike_share": "{subject} has one value far too often",
    "distribution_ks": "{subject} is spread otherwise: share of the bin that moved most",
    "distribution_psi": "{subject} is spread otherwise: share of the bin that moved most",
    "distribution_js": "{subject} is spread otherwise: share of the value that moved most",
    "category_vanished": "{subject} '{value}' vanished from the items served",
    "category_unseen": "{subject} '{value}' was never seen before",
    "category_share": "{subject} '{value}': share of the items served",
    "zero_contribution_share": "block {subject} adds exactly nothing to the score",
    "mean_shift": "mean of {subject} moved",
    "spread": "spread of {subject} changed",
    "mean_rank_percentile": "what members choose is ranked lower: mean percentile",
    "lower_tail_share": "what members choose is ranked in the lower half",
    "not_candidate_share": "what members choose is not among the candidates",
    "encoded_missing_share": "{subject} was trained as missing for more items",
    "norm": "norm of the model's {subject} vectors",
    "popularity_correlation": "how vector norms go with popularity changed: correlation",
    "training_share": "share of the plays that the model was trained on",
    "training_plays": "plays that the model was trained on",
    "model_age_days": "{subject} answers and was trained long ago: days since",
    "replay_differs_share": "requests that come out differently when they are repeated",
    "replay_refused_share": "requests that cannot be repeated any more",
    "block_differs_share": "block {subject} was served otherwise than it is recomputed",
    "expected_plays": "plays that the slots shown would earn at the rates of before",
    "calibration": "plays of alike slots against those of before",
    "hit_share": "slates of which something is played",
    "play_gain": "how near the top of a slate plays are",
    "genres_per_slate": "genres in a slate",
    "shown_popularity": "popularity percentile of what is shown",
    "concentration": "slots taken by the most shown items",
    "unexposed_launch_share": "launches that are hardly shown, for their age",
    "launch_rank_percentile": "launches are ranked lower than those of their age were: percentile",
    "impressions_delay": "launches that have their first impressions after a day",
    "exposure_loss": "share of the slots",
    "production_bias": "log of exposure over what exploration earned",
    "lost_items_share": "items are missing from the {subject} that is served",
    "out_of_range_share": "{subject} has values that it cannot have",
    "malformed_share": "{subject} has values of another kind",
    "incomplete_share": "items launch without the metadata that ranking needs",
}
_NOT_SHARES = (
    "requests",
    "mean_shift",
    "spread",
    "latency_shift",
    "hour_profile",
    "clock_shift",
    "full_record_gap",
    "snapshot_age_hours",
    "norm",
    "genres_per_slate",
    "production_bias",
    "popularity_correlation",
    "training_plays",
    "model_age_days",
)


def incident_id_of(cause: FoundCause, context: AuditContext) -> str:
    """Name an incident by component, subject, its window, and its place if it has one.

    An hour and the day that begins with it are two windows: they may well differ in what they see.
    """
    place = "".join(f"|{name}={value}" for name, value in sorted(place_of(cause.root).items()))
    window = f"{context.window_start.isoformat()}/{context.window_end.isoformat()}"
    key = f"{cause.component}|{cause.subject}|{window}{place}"
    return f"inc-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def open_incident(cause: FoundCause, context: AuditContext, *, now: datetime) -> Incident:
    """Make the incident of a cause that nobody has seen before."""
    return Incident(
        incident_id=incident_id_of(cause, context),
        status="open",
        component=cause.component,
        subject=cause.subject,
        title=describe_cause(cause),
        severity=cause.severity,
        detected_at=now,
        window=context.window,
        reference=context.reference,
        findings=tuple(_slim_evidence(cause.findings[:KEPT_FINDINGS])),
        timeline=(timeline_entry("detected", context, at=now),),
        contributions=tuple(rank_contributions(cause.findings)),
        affected=estimate_affected(cause.findings),
    )


def timeline_entry(
    event: str, context: AuditContext, *, at: datetime, note: str = ""
) -> Mapping[str, str]:
    """Make one line of an incident's story; window and revision say which judgement it was."""
    line = {
        "at": at.isoformat(),
        "event": event,
        "window": judged_window(context),
        "run_id": context.run_id,
    }
    return {**line, "note": note} if note else line


def has_entry(incident: Incident, event: str, context: AuditContext) -> bool:
    """Tell whether the story already has the event for this judgement."""
    window = judged_window(context)
    return any(e.get("event") == event and e.get("window") == window for e in incident.timeline)


def add_entry(
    incident: Incident, event: str, context: AuditContext, *, at: datetime, note: str = ""
) -> Incident:
    """Return the incident with one more line in its story, of the newest KEPT_SIGHTINGS."""
    line = timeline_entry(event, context, at=at, note=note)
    return replace(incident, timeline=_newest_sightings((*incident.timeline, line)))


def _newest_sightings(
    timeline: Sequence[Mapping[str, str]],
) -> tuple[Mapping[str, str], ...]:
    """Return a story without its oldest sightings; what was done and decided stays."""
    places = [n for n, line in enumerate(timeline) if line.get("event") in PASSING]
    dropped = set(places[:-KEPT_SIGHTINGS])
    return tuple(line for n, line in enumerate(timeline) if n not in dropped)


def name_cause(
    incident: Incident, cause: FoundCause, context: AuditContext, *, at: datetime
) -> Incident:
    """Return an incident that was of a symptom, or of a part, as one of the cause named now.

    It keeps its id, its state and its story; its first findings stay behind those of the cause.
    A diagnosis of what it was thought to be is dropped.
    """
    named = open_incident(cause, context, now=at)
    told = {finding.finding_id for finding in named.findings}
    kept = [one for one in incident.findings if one.finding_id not in told][:_KEPT_OF_BEFORE]
    entry = timeline_entry("cause_named", context, at=at, note=f"before: {incident.title}")
    return replace(
        named,
        incident_id=incident.incident_id,
        status=incident.status,
        severity=min(incident.severity, named.severity, key=SEVERITIES.index),
        detected_at=incident.detected_at,
        findings=(*named.findings[: KEPT_FINDINGS - len(kept)], *kept),
        timeline=(*incident.timeline, entry),
        links=incident.links,
    )


def join_incident(
    incident: Incident, home: str, context: AuditContext, *, at: datetime
) -> Incident:
    """Return an incident closed because its cause is told in another one, `home`."""
    entry = timeline_entry("joined", context, at=at, note=f"its cause is that of {home}")
    return replace(incident, status="resolved", timeline=(*incident.timeline, entry))


def describe_cause(cause: FoundCause) -> str:
    """Return the incident's title: what changed, where, from what to what."""
    root = cause.root
    if root.metric in BLIND:
        return f"audit {root.audit}: {root.evidence.get('reason', root.metric)}"
    owner = owner_of(root.subject)
    said = f"{owner}: " * bool(owner) + _PHRASES.get(root.metric, "{subject}: {metric}").format(
        subject=block_of(root.subject), metric=root.metric, value=_value_of(root)
    )
    slice_ = root.slice or _only_source(cause)
    others = [f"{name} {value}" for name, value in slice_.items() if name != root.subject]
    where = f" ({', '.join(others)})" if others else ""
    return f"{said}{where}: {_number(root, root.baseline)} → {_number(root, root.observed)}"


def _value_of(root: Finding) -> str:
    """Return the value that the finding speaks of; a column may be named with its table."""
    return root.slice.get(root.subject, root.slice.get(root.subject.rpartition(".")[2], ""))


def _only_source(cause: FoundCause) -> Mapping[str, str]:
    """Return the one supplier in which the root's metric alarms, {} when there are several."""
    sources = {
        finding.slice["source"]
        for finding in cause.findings
        if (finding.metric, finding.subject) == (cause.root.metric, cause.root.subject)
        and set(finding.slice) == {"source"}
    }
    return {"source": sources.pop()} if len(sources) == 1 else {}


def _number(finding: Finding, value: float) -> str:
    return f"{value:.4g}" if finding.metric in _NOT_SHARES else f"{100 * value:.1f} %"


def _slim_evidence(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Keep each audit's SQL once: with its first finding."""
    told: set[str] = set()
    for finding in findings:
        evidence = dict(finding.evidence)
        if finding.audit in told:
            evidence.pop("sql", None)
        told.add(finding.audit)
        yield replace(finding, evidence=evidence)
