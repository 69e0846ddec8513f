"""The HTTP API as a WSGI application: routes as API Gateway does and calls the real handlers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote

from recsysops.bootstrap import Ports
from recsysops.serving.routes import ROUTES, Route

from tests.integration.functions.handlers import CONTEXT, loaded_handler

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


@contextmanager
def open_gateway(ports: Ports) -> Iterator[Gateway]:
    """Load every function that answers a route, over one set of ports."""
    with ExitStack() as stack:
        names = {route.function for route in ROUTES}
        modules = {name: stack.enter_context(loaded_handler(name, ports)) for name in names}
        yield Gateway(modules)


class Gateway:
    """A WSGI application; tokens are not looked at, as the gateway's authorizer is not ours."""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self._modules = modules

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        found = find_route(environ["REQUEST_METHOD"], _raw_path(environ))
        if found is None:
            answer = {"statusCode": 404, "body": json.dumps({"message": "Not Found"})}
        else:
            route, path = found
            event = make_event(route, path=path, environ=environ)
            answer = self.handle(route, event)
        status = HTTPStatus(answer["statusCode"])
        start_response(f"{status.value} {status.phrase}", [("content-type", "application/json")])
        return [answer["body"].encode("utf-8", "surrogatepass")]

    def handle(self, route: Route, event: dict[str, Any]) -> dict[str, Any]:
        """Hand an event to the function of its route."""
        answer: dict[str, Any] = self._modules[route.function].handle(event, CONTEXT)
        return answer


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route that the gateway would choose, and its path parameters."""
    for route in ROUTES:
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.path)
        match = re.fullmatch(pattern, path)
        if route.method == method and match:
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def make_event(route: Route, *, path: dict[str, str], environ: Environ) -> dict[str, Any]:
    """Return the payload 2.0 event; query parameters given twice are joined by commas."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return {
        "version": "2.0",
        "routeKey": route.key,
        "isBase64Encoded": False,
        **({"pathParameters": path} if path else {}),
        **({"queryStringParameters": query} if query else {}),
        **({"body": body.decode("utf-8", "surrogateescape")} if body else {}),
    }


def _raw_path(environ: Environ) -> str:
    # PATH_INFO is decoded already: an encoded slash must not become a boundary
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"]
    return str(raw).partition("?")[0]
