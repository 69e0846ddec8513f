"""Shim: the emulator keeps every record that was ever put, in memory and in its saved state.

Missing upstream: forgetting what was delivered. A few demos would make it hold hundreds of
megabytes, and every start read them again.
"""

from collections.abc import Callable

from ministack.services import firehose

from infra.local.shims.patching import wrap_part

Deliver = Callable[[object, dict[str, list[object]], object], None]


def install() -> None:
    """Forget a record once it was delivered to S3."""
    wrap_part(firehose, "_deliver_records_to_s3", _forget_after)


def _forget_after(deliver: Deliver) -> Deliver:
    def deliver_and_forget(
        stream: object, destination: dict[str, list[object]], records: object
    ) -> None:
        deliver(stream, destination, records)
        destination["records"].clear()

    return deliver_and_forget
