"""Knows how to deploy a cloud assembly with boto3 alone: publish assets, then the stacks."""

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from infra.local.assembly import Asset, Stack, read_stacks
from infra.local.clients import REGION, make_client
from infra.local.errors import StageError

Described = Mapping[str, object]

_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "30"
_STACK_SECONDS = 120.0
_GONE = "DELETE_COMPLETE"
_DONE_WELL = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
# Only these can be updated; whatever else a failed attempt left has to be deleted first.
_UPDATABLE = _DONE_WELL | {"UPDATE_ROLLBACK_COMPLETE"}


def deploy_assembly(assembly: Path, *, endpoint: str) -> dict[str, str]:
    """Create or update every stack of the assembly; return their outputs together.

    Raises:
        StageError: a stack failed; names the resource and the emulator's reason.
    """
    account = make_client("sts", endpoint).get_caller_identity()["Account"]
    make_client("ssm", endpoint).put_parameter(
        Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )
    outputs: dict[str, str] = {}
    for stack in read_stacks(assembly, account=account, region=REGION):
        _publish_assets(stack, endpoint=endpoint)
        outputs |= _deploy_stack(stack, endpoint=endpoint)
    return outputs


def read_stack_statuses(endpoint: str) -> dict[str, str]:
    """Return the status of every deployed stack by its name."""
    stacks = make_client("cloudformation", endpoint).describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in stacks}


def _publish_assets(stack: Stack, *, endpoint: str) -> None:
    s3 = make_client("s3", endpoint)
    for bucket in {asset.bucket for asset in stack.assets}:
        if not _exists(partial(s3.head_bucket, Bucket=bucket)):
            s3.create_bucket(Bucket=bucket)
    for asset in stack.assets:
        # keys are content hashes: what is there is right
        if not _exists(partial(s3.head_object, Bucket=asset.bucket, Key=asset.key)):
            s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=_pack(asset))


def _exists(look: Callable[[], object]) -> bool:
    try:
        look()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def _pack(asset: Asset) -> bytes:
    if asset.packaging == "file" or asset.source.is_file():
        return asset.source.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(asset.source.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(asset.source))
    return packed.getvalue()


def _deploy_stack(stack: Stack, *, endpoint: str) -> dict[str, str]:
    cloudformation = make_client("cloudformation", endpoint)
    _start_change(cloudformation, stack, endpoint=endpoint)
    described = _await_stack(cloudformation, stack.name)
    if described["StackStatus"] not in _DONE_WELL:
        raise StageError(
            f"stack {stack.name} is {described['StackStatus']}:"
            f" {_first_failure(cloudformation, stack.name)}"
        )
    listed = cast("list[dict[str, str]]", described.get("Outputs", []))
    return {output["OutputKey"]: output["OutputValue"] for output in listed}


def _start_change(cloudformation: BaseClient, stack: Stack, *, endpoint: str) -> None:
    change = {
        "StackName": stack.name,
        # the emulator refuses the amazonaws.com form
        "TemplateURL": f"{endpoint}/{stack.template.bucket}/{stack.template.key}",
        "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    status = _describe(cloudformation, stack.name)["StackStatus"]
    if status not in {_GONE, *_UPDATABLE}:
        cloudformation.delete_stack(StackName=stack.name)
        status = _await_stack(cloudformation, stack.name)["StackStatus"]
    begin = cloudformation.update_stack if status in _UPDATABLE else cloudformation.create_stack
    try:
        begin(**change)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise StageError(f"stack {stack.name} was refused: {error}") from error


def _await_stack(cloudformation: BaseClient, name: str) -> Described:
    deadline = time.monotonic() + _STACK_SECONDS
    while True:
        described = _describe(cloudformation, name)
        if not str(described["StackStatus"]).endswith("_IN_PROGRESS"):
            return described
        if time.monotonic() > deadline:
            raise StageError(f"stack {name} is still {described['StackStatus']}")
        time.sleep(0.05)


def _describe(cloudformation: BaseClient, name: str) -> Described:
    try:
        return cast("Described", cloudformation.describe_stacks(StackName=name)["Stacks"][0])
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return {"StackStatus": _GONE}


def _first_failure(cloudformation: BaseClient, name: str) -> str:
    """Return the oldest failure: later ones only follow from it."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    if not failed:
        return "no resource says why"
    first = min(failed, key=lambda event: event["Timestamp"])
    reason = " ".join(str(first.get("ResourceStatusReason", "no reason given")).split())
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"
