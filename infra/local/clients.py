"""Knows how to speak to the emulator as its root user, whatever AWS account the user has."""

import os
from functools import cache
from typing import Final

import boto3
import botocore.session
from botocore.client import BaseClient
from botocore.config import Config

REGION: Final = "us-east-1"
ROOT_KEY: Final = "test"
# no proxy of the environment either: the emulator is on this machine
_CONFIG: Final = Config(proxies={}, retries={"max_attempts": 1}, connect_timeout=5, read_timeout=60)
# where botocore would look for the user's own account, replaced by nothing
_NOT_THE_USERS: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def make_client(service: str, endpoint: str) -> BaseClient:
    """Return a boto3 client of the emulator; its root user may do everything."""
    return _session().client(service, endpoint_url=endpoint, config=_CONFIG)


@cache
def _session() -> boto3.Session:
    return boto3.Session(
        botocore_session=botocore.session.Session(session_vars=_NOT_THE_USERS),
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
    )
