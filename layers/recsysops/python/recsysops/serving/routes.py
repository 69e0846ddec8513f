"""Every route of the HTTP API, declared once for infrastructure, handlers and the document.

Names only, so that a cold start reads it for nothing; `serving.openapi` says what bodies look like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Method = Literal["GET", "POST", "PUT"]
Scope = Literal["recommend", "feedback", "write"]

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "recommend": "Ask for recommendations",
        "feedback": "Report what members chose",
        "write": "Write features of items and members",
        "operate": "Watch and mend the system",
    }
)
"""What a token may allow; a caller needs recsysops/<scope>. No route asks for `operate` yet."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route: who answers it and what a caller's token must hold.

    open_because: why nobody needs a token; None where a scope is needed.
    """

    method: Method
    path: str
    function: str
    scope: Scope | None = None
    open_because: str | None = None

    @property
    def key(self) -> str:
        """The name that API Gateway gives the route.

        >>> Route("GET", "/health", "check_health").key
        'GET /health'
        """
        return f"{self.method} {self.path}"


RECOMMEND = Route("POST", "/v1/recommendations", "recommend_items", "recommend")
SIMILAR_ITEMS = Route("GET", "/v1/items/{item_id}/similar", "recommend_items", "recommend")
SIMILAR = Route("POST", "/v1/similar", "recommend_items", "recommend")
HOME = Route("GET", "/v1/home/{member_id}", "recommend_items", "recommend")
FEEDBACK = Route("POST", "/v1/feedback", "record_feedback", "feedback")
CONSUMER_LOGS = Route("POST", "/v1/consumer-logs", "record_consumer_logs", "feedback")
PUT_ITEM = Route("PUT", "/v1/items/{item_id}", "put_features", "write")
PUT_MEMBER = Route("PUT", "/v1/members/{member_id}", "put_features", "write")
HEALTH = Route(
    "GET",
    "/health",
    "check_health",
    open_because="A load balancer or a status page asks without a token; it tells no data.",
)
DESCRIBE = Route(
    "GET",
    "/v1/openapi.json",
    "describe_api",
    open_because="Whoever writes a client reads it first; it says nothing of any deployment.",
)

ROUTES = (
    RECOMMEND,
    HOME,
    SIMILAR_ITEMS,
    SIMILAR,
    FEEDBACK,
    CONSUMER_LOGS,
    PUT_ITEM,
    PUT_MEMBER,
    HEALTH,
    DESCRIBE,
)


def routes_of(function: str) -> tuple[Route, ...]:
    """Return the routes that one function answers, in the order declared."""
    return tuple(route for route in ROUTES if route.function == function)
