"""Which adapter acts on the running stack: deployments, runs, calls, and its own HTTP API."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from recsysops.bootstrap.connections import Connections

if TYPE_CHECKING:
    from recsysops.adapters.appconfig_deployer import AppConfigDeployer
    from recsysops.adapters.cognito_token import CognitoToken
    from recsysops.adapters.http_api import HttpApi
    from recsysops.adapters.lambda_calls import LambdaCalls
    from recsysops.adapters.stepfunctions_runs import StateMachineRuns


class OperatorPorts(Connections):
    """What an operator does to a stack, by hand or by a job."""

    @cached_property
    def hotfix_deployer(self) -> AppConfigDeployer:
        """Deploys hotfix documents."""
        return self._deployer("hotfixes")

    @cached_property
    def model_deployer(self) -> AppConfigDeployer:
        """Deploys model pointers."""
        return self._deployer("model")

    @cached_property
    def sampling_deployer(self) -> AppConfigDeployer:
        """Deploys sampling plans."""
        return self._deployer("sampling")

    @cached_property
    def runs(self) -> StateMachineRuns:
        """Runs of state machines."""
        from recsysops.adapters.stepfunctions_runs import StateMachineRuns

        return StateMachineRuns(self._client("stepfunctions"))

    @cached_property
    def calls(self) -> LambdaCalls:
        """Calls of functions."""
        from recsysops.adapters.lambda_calls import LambdaCalls

        return LambdaCalls(self._client("lambda"))

    @cached_property
    def token(self) -> CognitoToken:
        """The access token of the machine client."""
        from recsysops.adapters.cognito_token import CognitoToken

        return CognitoToken(
            self._client("cognito-idp"),
            token_url=self._need("token_url"),
            user_pool_id=self._need("user_pool_id"),
            client_id=self._need("client_id"),
        )

    @cached_property
    def api(self) -> HttpApi:
        """Our own HTTP API as a client sees it."""
        from recsysops.adapters.http_api import HttpApi

        return HttpApi(self._need("api_url"), token=self.token.token)

    def _deployer(self, document: str) -> AppConfigDeployer:
        from recsysops.adapters.appconfig_deployer import AppConfigDeployer, Strategies

        strategies = Strategies(
            staged=self._need("staged_strategy_id"), at_once=self._need("at_once_strategy_id")
        )
        return AppConfigDeployer(
            self._client("appconfig"), self._source(document), strategies=strategies
        )
