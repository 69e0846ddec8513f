"""Knows how to speak to the emulator as its root user."""

from typing import Final

import boto3
from botocore.client import BaseClient
from botocore.config import Config

REGION: Final = "us-east-1"
ROOT_KEY: Final = "test"


def make_client(service: str, endpoint: str) -> BaseClient:
    """Return a boto3 client of the emulator; its root user may do everything."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
        # no proxy of the environment: the emulator is on this machine
        config=Config(proxies={}, retries={"max_attempts": 1}, connect_timeout=5, read_timeout=60),
    )
