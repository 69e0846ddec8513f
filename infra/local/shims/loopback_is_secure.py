"""Shim: with IAM enforced, the emulator refuses what our policies refuse without TLS.

Missing upstream: nothing; it rightly says that loopback HTTP is not TLS. AWS endpoints are TLS
only, so on the laptop the rule has nothing to protect and would refuse every call.
"""

from collections.abc import Callable

from ministack.core import iam_evaluator

from infra.local.shims.patching import wrap_part

Resolve = Callable[[str, object], object]


def install() -> None:
    """Let `aws:SecureTransport` hold for every request: the server is bound to the loopback."""
    wrap_part(iam_evaluator, "_resolve_condition_key", _resolve_as_secure)


def _resolve_as_secure(resolve: Resolve) -> Resolve:
    def resolve_key(key: str, context: object) -> object:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    return resolve_key
