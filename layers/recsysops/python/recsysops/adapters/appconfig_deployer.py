"""Deploys documents to one AppConfig environment, one deployment at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.polled_document import DocumentSource
from recsysops.errors import ConflictError

_RUNNING = ("DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK")
_STOPPABLE = ("DEPLOYING", "BAKING", "VALIDATING")
_SERVED = ("COMPLETE", "DEPLOYING", "BAKING", "VALIDATING")
_MAX_DESCRIPTION = 1024


@dataclass(frozen=True, slots=True)
class Strategies:
    """Ids of the two deployment strategies."""

    staged: str
    at_once: str


class AppConfigDeployer:
    """ConfigDeployer on AppConfig's control plane."""

    def __init__(
        self, client: AwsClient, source: DocumentSource, *, strategies: Strategies
    ) -> None:
        self._client = client
        self._source = source
        self._strategies = {"staged": strategies.staged, "at-once": strategies.at_once}

    def deploy(self, document: str, *, strategy: Literal["staged", "at-once"], note: str) -> str:
        """Store the document as a new version and start deploying it; returns the deployment id.

        Raises: ConflictError when a deployment runs (its document is not stored), DependencyError.
        """
        newest = self._newest()
        if newest is not None and newest["State"] in _RUNNING:
            raise ConflictError(
                f"deployment {newest['DeploymentNumber']} is {newest['State'].lower()} "
                f"({newest['PercentageComplete']:.0f} %); wait for it or stop it"
            )
        version = self._store(document)
        with translate_errors("start a deployment"):
            started = self._client.start_deployment(
                **self._place(),
                ConfigurationProfileId=self._source.profile_id,
                ConfigurationVersion=str(version),
                DeploymentStrategyId=self._strategies[strategy],
                Description=note[:_MAX_DESCRIPTION],
            )
        return str(started["DeploymentNumber"])

    def stop(self) -> bool:
        """Stop a running deployment, returning to the content before; False when none ran.

        Raises: DependencyError.
        """
        newest = self._newest()
        if newest is None or newest["State"] not in _STOPPABLE:
            return False
        with translate_errors("stop a deployment"):
            # AllowRevert also undoes one that bakes: there all members have the new content
            self._client.stop_deployment(
                **self._place(), DeploymentNumber=newest["DeploymentNumber"], AllowRevert=True
            )
        return True

    def status(self) -> Mapping[str, str]:
        """Return {deployment_id, state, percent} of the newest deployment; state NONE without."""
        newest = self._newest()
        if newest is None:
            return {"deployment_id": "", "state": "NONE", "percent": "0"}
        return {
            "deployment_id": str(newest["DeploymentNumber"]),
            "state": str(newest["State"]),
            "percent": f"{newest['PercentageComplete']:.0f}",
        }

    def current(self) -> str:
        """Return the newest document that was deployed and not rolled back ('' when none)."""
        for deployment in self._deployments():
            if deployment["State"] in _SERVED:
                return self._content(deployment["ConfigurationVersion"])
        return ""

    def _store(self, document: str) -> int:
        with translate_errors("store a configuration version"):
            stored = self._client.create_hosted_configuration_version(
                ApplicationId=self._source.application_id,
                ConfigurationProfileId=self._source.profile_id,
                Content=document.encode(),
                ContentType="application/json",
            )
        version: int = stored["VersionNumber"]
        return version

    def _content(self, version: str) -> str:
        with translate_errors("read a configuration version"):
            answer = self._client.get_hosted_configuration_version(
                ApplicationId=self._source.application_id,
                ConfigurationProfileId=self._source.profile_id,
                VersionNumber=int(version),
            )
            body: bytes = answer["Content"].read()
        return body.decode()

    def _newest(self) -> dict[str, Any] | None:
        return next(iter(self._deployments()), None)

    def _deployments(self) -> list[dict[str, Any]]:
        with translate_errors("list deployments"):
            pages = self._client.get_paginator("list_deployments").paginate(**self._place())
            found = [deployment for page in pages for deployment in page["Items"]]
        return sorted(found, key=lambda one: int(one["DeploymentNumber"]), reverse=True)

    def _place(self) -> dict[str, str]:
        return {
            "ApplicationId": self._source.application_id,
            "EnvironmentId": self._source.environment_id,
        }
