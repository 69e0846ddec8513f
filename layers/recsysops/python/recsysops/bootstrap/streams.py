"""Which adapter hears what: logs that leave through Firehose, flags that come from AppConfig."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from recsysops.bootstrap.stores import StorePorts

if TYPE_CHECKING:
    from recsysops.adapters.appconfig_flags import AppConfigFlags
    from recsysops.adapters.firehose_log import FirehoseDurableLog, FirehoseLog
    from recsysops.ports import DurableLog, LogStream


class StreamPorts(StorePorts):
    """What flows while requests are served, beside what is stored."""

    @cached_property
    def request_log(self) -> FirehoseLog:
        """Where slim lines and full records leave, buffered."""
        from recsysops.adapters.firehose_log import FirehoseLog

        streams: dict[LogStream, str] = {
            "slim_requests": self._need("slim_stream"),
            "full_requests": self._need("full_stream"),
            "shadow_requests": self._need("shadow_stream"),
            "similar_requests": self._need("similar_stream"),
        }
        return FirehoseLog(self._client("firehose"), streams)

    @cached_property
    def feedback_log(self) -> FirehoseDurableLog:
        """Where feedback leaves, acknowledged."""
        from recsysops.adapters.firehose_log import FirehoseDurableLog

        streams: dict[LogStream, str] = {"feedback": self._need("feedback_stream")}
        return FirehoseDurableLog(self._client("firehose"), streams)

    @cached_property
    def consumer_log(self) -> DurableLog:
        """Where consumers' logs leave, acknowledged."""
        from recsysops.adapters.firehose_log import FirehoseDurableLog

        streams: dict[LogStream, str] = {"consumer_logs": self._need("consumer_stream")}
        return FirehoseDurableLog(self._client("firehose"), streams)

    @cached_property
    def mirror_log(self) -> DurableLog:
        """Where another recommender's requests leave, acknowledged."""
        from recsysops.adapters.firehose_log import FirehoseDurableLog

        streams: dict[LogStream, str] = {
            "slim_requests": self._need("slim_stream"),
            "shadow_requests": self._need("shadow_stream"),
        }
        return FirehoseDurableLog(self._client("firehose"), streams)

    @cached_property
    def flags(self) -> AppConfigFlags:
        """What AppConfig serves."""
        from recsysops.adapters.appconfig_flags import AppConfigFlags, FlagSources
        from recsysops.serving.flag_document import LAST_GOOD_KEY

        sources = FlagSources(
            hotfixes=self._source("hotfixes"),
            model=self._source("model"),
            sampling=self._source("sampling"),
        )
        return AppConfigFlags(
            self._lean_appconfig(),
            sources,
            poll_seconds=self.settings.poll_seconds,
            last_good_hotfixes=lambda: self.blobs.get(LAST_GOOD_KEY).decode("utf-8", "replace"),
        )
