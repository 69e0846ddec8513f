"""Who may call the API: a Cognito pool whose machine clients hold scopes."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct
from recsysops.serving.routes import SCOPES

from infra.components.acknowledgements import acknowledge

RESOURCE_SERVER = "recsysops"


class SignIn(Construct):
    """The user pool, the scopes and one client that signs in with its own secret."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.pool = self._make_pool()
        self.domain = self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(
                # the prefix is unique per region, world-wide
                domain_prefix=f"recsysops-{Aws.ACCOUNT_ID}"
            ),
        )
        self.client = self._make_client()

    @property
    def token_url(self) -> str:
        """Where a client trades its secret for an access token."""
        return f"{self.domain.base_url()}/oauth2/token"

    def _make_pool(self) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_symbols=True,
                require_uppercase=True,
            ),
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(pool, "COG2", because="Only machines sign in; they have no second factor.")
        acknowledge(
            pool, "COG8", because="The paid plan adds threat protection for people; none sign in."
        )
        return pool

    def _make_client(self) -> cognito.UserPoolClient:
        scopes = [
            cognito.ResourceServerScope(scope_name=name, scope_description=text)
            for name, text in SCOPES.items()
        ]
        server = self.pool.add_resource_server("Scopes", identifier=RESOURCE_SERVER, scopes=scopes)
        return self.pool.add_client(
            "Client",
            generate_secret=True,
            access_token_validity=Duration.hours(1),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, scope) for scope in scopes],
            ),
        )
