"""What each route takes and answers, for whoever writes a client: words and body models."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from pydantic import BaseModel

from recsysops.serving import routes
from recsysops.serving.api import (
    FeedbackRequest,
    FeedbackResponse,
    RecommendationRequest,
    RecommendationResponse,
)
from recsysops.serving.consumer_api import ConsumerLogRequest, ConsumerLogResponse
from recsysops.serving.features_api import (
    ItemBody,
    ItemParameters,
    ItemWritten,
    MemberBody,
    MemberParameters,
    MemberWritten,
)
from recsysops.serving.health import HealthReport
from recsysops.serving.home_api import HomeParameters, HomeResponse
from recsysops.serving.routes import Route
from recsysops.serving.similar_api import SimilarParameters, SimilarRequest, SimilarResponse


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as its callers see it.

    answer: None for a JSON document of no fixed schema. parameters: a model whose fields are
    those of the path and the query. refusals: statuses beyond those that every route shares, and
    what they mean. other_answers: statuses whose body is the answer's too.
    """

    route: Route
    name: str
    summary: str
    description: str
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    parameters: type[BaseModel] | None = None
    refusals: tuple[tuple[HTTPStatus, str], ...] = ()
    other_answers: tuple[tuple[HTTPStatus, str], ...] = ()


OPERATIONS = (
    Operation(
        routes.RECOMMEND,
        name="recommendItems",
        summary="Rank items for a member",
        description="Ranks the whole catalogue, or the candidates given. What is missing makes a "
        "fallback with a reason, never an error. The answer's request_id goes into feedback.",
        body=RecommendationRequest,
        answer=RecommendationResponse,
    ),
    Operation(
        routes.HOME,
        name="showHome",
        summary="Fill a member's home page",
        description="Rows: top picks, because you watched, launches, trending. No item stands on "
        "a page twice. Logged as one request: feedback names its request_id for every row.",
        parameters=HomeParameters,
        answer=HomeResponse,
    ),
    Operation(
        routes.SIMILAR_ITEMS,
        name="findItemsLikeItem",
        summary="Find items like an item",
        description="Exact best by cosine of the item vectors. The filters hold for the answer, "
        "not for the item: a sold-out or dear one leads to one that can be bought.",
        parameters=SimilarParameters,
        answer=SimilarResponse,
        refusals=((HTTPStatus.NOT_FOUND, "no such item"),),
    ),
    Operation(
        routes.SIMILAR,
        name="findSimilarItems",
        summary="Find items like a vector, features or a text",
        description="For queries that are no item of ours: bring a vector in the model's item "
        "space, or features, or a text. Finding objects in pictures is out of scope: embed the "
        "picture on your side.",
        body=SimilarRequest,
        answer=SimilarResponse,
    ),
    Operation(
        routes.FEEDBACK,
        name="recordFeedback",
        summary="Report what members did",
        description="Every accepted event is durable before the 200. Events are judged one by one: "
        "a bad one does not refuse its neighbours. Send the same events again after a failure.",
        body=FeedbackRequest,
        answer=FeedbackResponse,
    ),
    Operation(
        routes.CONSUMER_LOGS,
        name="recordConsumerLogs",
        summary="Report what you really showed of our answers",
        description="For teams that filter, reorder or cut what we answer: send a fraction of your "
        "traffic back, so that we learn what members saw. Durable before the 200.",
        body=ConsumerLogRequest,
        answer=ConsumerLogResponse,
    ),
    Operation(
        routes.PUT_ITEM,
        name="putItem",
        summary="Write an item",
        description="Replaces what is stored if the version is higher; repeating a write is no "
        "harm. Scorers serve it with the next snapshot, in about a minute.",
        parameters=ItemParameters,
        body=ItemBody,
        answer=ItemWritten,
        refusals=((HTTPStatus.CONFLICT, "this version or a newer one is stored"),),
    ),
    Operation(
        routes.PUT_MEMBER,
        name="putMember",
        summary="Write a member's vectors or seen items",
        description="Only if the version is higher. Vectors belong to a model: its id and width "
        "must fit. The pseudonym's salt is kept.",
        parameters=MemberParameters,
        body=MemberBody,
        answer=MemberWritten,
        refusals=((HTTPStatus.CONFLICT, "this version or a newer one is stored"),),
    ),
    Operation(
        routes.HEALTH,
        name="checkHealth",
        summary="Say whether everything a scorer needs can be reached",
        description="Asks each dependency; tells names and outcomes only.",
        answer=HealthReport,
        other_answers=((HTTPStatus.SERVICE_UNAVAILABLE, "something cannot be reached"),),
    ),
    Operation(
        routes.DESCRIBE,
        name="describeApi",
        summary="This document",
        description="OpenAPI 3.1, generated from the routes and bodies that the functions use.",
    ),
)
