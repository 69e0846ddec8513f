"""AppConfig: hotfixes, the model pointer and the sampling plan, each in its own environment.

One deployment runs at a time per environment, so an emergency never waits for a roll-out.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_appconfig as appconfig
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.acknowledgements import acknowledge_wildcards
from infra.components.python_function import PythonFunction
from infra.settings import RollOut

DOCUMENTS = ("hotfixes", "model", "sampling")


class FlagDocument(Construct):
    """One environment with one freeform profile of the same name."""

    def __init__(
        self, scope: Construct, name: str, *, application: appconfig.CfnApplication
    ) -> None:
        super().__init__(scope, name.title())
        self.name = name
        self.application = application
        self.environment = appconfig.CfnEnvironment(
            self, "Environment", application_id=application.ref, name=name
        )
        self.profile = appconfig.CfnConfigurationProfile(
            self,
            "Profile",
            application_id=application.ref,
            name=name,
            location_uri="hosted",
            type="AWS.Freeform",
        )

    def allow_reading(self, function: PythonFunction) -> None:
        """Let a function poll this document."""
        self._name_to(function)
        function.allow(
            "appconfig:StartConfigurationSession",
            "appconfig:GetLatestConfiguration",
            on=[self._configuration_arn],
        )

    def allow_deploying(self, function: PythonFunction) -> None:
        """Let a function store new versions of this document, read them, and list deployments."""
        self._name_to(function)
        place = f"application/{self.application.ref}"
        environment = self._arn(f"{place}/environment/{self.environment.ref}")
        profile = self._arn(f"{place}/configurationprofile/{self.profile.ref}")
        versions = f"{profile}/hostedconfigurationversion/*"
        function.allow(
            "appconfig:CreateHostedConfigurationVersion",
            "appconfig:ListDeployments",
            "appconfig:StartDeployment",
            on=[self._arn(place), environment, profile],
        )
        function.allow("appconfig:GetHostedConfigurationVersion", on=[profile, versions])
        function.acknowledge_wildcards(
            [self._spell_versions()], because="Versions count upwards; the newest one is read."
        )

    def _spell_versions(self) -> str:
        """Spell 'every version of this profile' as cdk-nag does."""
        stack = Stack.of(self)
        application, profile = (
            stack.resolve(part.logical_id) for part in (self.application, self.profile)
        )
        return (
            "arn:<AWS::Partition>:appconfig:<AWS::Region>:<AWS::AccountId>:"
            f"application/<{application}>/configurationprofile/<{profile}>"
            "/hostedconfigurationversion/*"
        )

    def _name_to(self, function: PythonFunction) -> None:
        function.know(f"{self.name.upper()}_ENVIRONMENT_ID", self.environment.ref)
        function.know(f"{self.name.upper()}_PROFILE_ID", self.profile.ref)

    @property
    def _configuration_arn(self) -> str:
        return self._arn(
            f"application/{self.application.ref}/environment/{self.environment.ref}"
            f"/configuration/{self.profile.ref}"
        )

    def _arn(self, resource: str) -> str:
        return appconfig_arn(self, resource)


class HotfixFlags(Construct):
    """The application, its documents and the two ways to deploy one."""

    def __init__(self, scope: Construct, construct_id: str, *, roll_out: RollOut) -> None:
        super().__init__(scope, construct_id)
        self.application = appconfig.CfnApplication(
            self,
            "Application",
            name="recsysops",
            description="What the recommender reads at run time and people deploy.",
        )
        self.documents = {
            name: FlagDocument(self, name, application=self.application) for name in DOCUMENTS
        }
        self.staged = _strategy(self, "staged", roll_out)
        self.at_once = _strategy(self, "at-once", RollOut(0, growth_percent=100, bake_minutes=0))

    def allow_reading(self, function: PythonFunction, *names: str) -> None:
        """Let a function poll these documents."""
        function.know("APPCONFIG_APPLICATION_ID", self.application.ref)
        for name in names:
            self.documents[name].allow_reading(function)

    def allow_deploying(self, function: PythonFunction, name: str) -> None:
        """Let a function deploy one document, by either strategy."""
        function.know("APPCONFIG_APPLICATION_ID", self.application.ref)
        function.know("STAGED_STRATEGY_ID", self.staged.ref)
        function.know("AT_ONCE_STRATEGY_ID", self.at_once.ref)
        strategies = (self.staged.ref, self.at_once.ref)
        function.allow(
            "appconfig:StartDeployment",
            on=[appconfig_arn(self, f"deploymentstrategy/{ref}") for ref in strategies],
        )
        self.documents[name].allow_deploying(function)

    def roll_back_on(self, alarms: Sequence[cloudwatch.Alarm], *, names: Sequence[str]) -> None:
        """Roll a running deployment of these documents back when one of the alarms fires."""
        role = self._make_monitor_role()
        for name in names:
            self.documents[name].environment.monitors = [
                appconfig.CfnEnvironment.MonitorsProperty(
                    alarm_arn=alarm.alarm_arn, alarm_role_arn=role.role_arn
                )
                for alarm in alarms
            ]

    def _make_monitor_role(self) -> iam.Role:
        role = iam.Role(
            self, "MonitorRole", assumed_by=iam.ServicePrincipal("appconfig.amazonaws.com")
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"])
        )
        acknowledge_wildcards(
            role, ["*"], because="cloudwatch:DescribeAlarms cannot be limited to a resource."
        )
        return role


def appconfig_arn(scope: Construct, resource: str) -> str:
    """Spell the ARN of an AppConfig resource of this account and region."""
    stack = Stack.of(scope)
    return f"arn:{stack.partition}:appconfig:{stack.region}:{stack.account}:{resource}"


def _strategy(scope: Construct, name: str, roll_out: RollOut) -> appconfig.CfnDeploymentStrategy:
    return appconfig.CfnDeploymentStrategy(
        scope,
        f"{name.title().replace('-', '')}Strategy",
        name=f"recsysops-{name}",
        deployment_duration_in_minutes=roll_out.minutes,
        growth_type="LINEAR",
        growth_factor=roll_out.growth_percent,
        final_bake_time_in_minutes=roll_out.bake_minutes,
        replicate_to="NONE",
    )
