"""Which call answers which route of the scoring function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsysops.adapters.serving_metrics import tell_served
from recsysops.observability import make_metrics
from recsysops.serving import api, home_api, routes, similar_api
from recsysops.workflows.find_similar_items import similar_to, similar_to_item
from recsysops.workflows.recommend_items import recommend_items
from recsysops.workflows.serve_home import serve_home

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from recsysops.adapters.http_edge import HttpCall, Serve
    from recsysops.bootstrap.process import Ports
    from recsysops.bootstrap.scoring import Scorer
    from recsysops.observability import Metrics


def wire_scoring_routes(ports: Ports, scorer: Scorer, *, logger: Logger) -> Mapping[str, Serve]:
    """Return what serves each route; a slate or a page also tells its metrics."""
    calls = ScoringCalls(ports, scorer, logger, make_metrics("recommend_items"))
    return {
        routes.RECOMMEND.key: calls.recommend,
        routes.HOME.key: calls.show_home,
        routes.SIMILAR_ITEMS.key: calls.find_similar_to_item,
        routes.SIMILAR.key: calls.find_similar,
    }


@dataclass(frozen=True, slots=True)
class ScoringCalls:
    """Parses each call, makes its one workflow call, and counts what was served."""

    ports: Ports
    scorer: Scorer
    logger: Logger
    metrics: Metrics

    def recommend(self, call: HttpCall) -> api.RecommendationResponse:
        """Answer with a slate."""
        request = api.parse_body(api.RecommendationRequest, call.body)
        api.refuse_retimed(request, accept_retimed=self.ports.settings.accept_retimed)
        now, given = self.ports.clock(), self.scorer.ports
        answer = recommend_items(request, request_id=call.request_id, ports=given, now=now)
        self._tell(answer, call)
        return answer

    def show_home(self, call: HttpCall) -> home_api.HomeResponse:
        """Answer with a page of rows."""
        asked = api.parse_parameters(home_api.HomeParameters, call.parameters)
        now, given, indexes = self.ports.clock(), self.scorer.ports, self.scorer.similar.indexes
        page = serve_home(asked, request_id=call.request_id, ports=given, indexes=indexes, now=now)
        self._tell(page, call)
        return page

    def find_similar_to_item(self, call: HttpCall) -> similar_api.SimilarResponse:
        """Answer with what is similar to an item."""
        asked = api.parse_parameters(similar_api.SimilarParameters, call.parameters)
        now, given = self.ports.clock(), self.scorer.similar
        return similar_to_item(asked, request_id=call.request_id, ports=given, now=now)

    def find_similar(self, call: HttpCall) -> similar_api.SimilarResponse:
        """Answer with what is similar to a vector."""
        asked = api.parse_body(similar_api.SimilarRequest, call.body)
        now, given = self.ports.clock(), self.scorer.similar
        return similar_to(asked, request_id=call.request_id, ports=given, now=now)

    def _tell(
        self, answer: api.RecommendationResponse | home_api.HomeResponse, call: HttpCall
    ) -> None:
        tell_served(
            self.metrics,
            self.logger,
            answer=answer,
            latency_ms=call.elapsed_ms,
            scorer=self.scorer,
        )
