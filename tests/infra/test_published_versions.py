"""What scores starts from a snapshot: its versions are published, and callers get the newest."""

from __future__ import annotations

import pytest

from infra.settings import AWS, FUNCTION_SIZES, LAPTOP

from .conftest import Assembly

pytestmark = pytest.mark.xdist_group("infra")

PUBLISHED = [name for name, size in FUNCTION_SIZES.items() if size.is_published]


def camel(name: str) -> str:
    return "".join(map(str.title, name.split("_")))


def test_on_aws_what_scores_and_nothing_else_starts_from_a_snapshot(aws: Assembly) -> None:
    starts = {
        name: part["Properties"].get("SnapStart")
        for name, part in aws.resources("AWS::Lambda::Function").items()
    }
    with_snapshot = {
        name for name, conf in starts.items() if conf == {"ApplyOn": "PublishedVersions"}
    }
    assert len(with_snapshot) == len(PUBLISHED) == 1
    assert all(name.startswith("RecommendItemsFunction") for name in with_snapshot)
    assert {conf is None for name, conf in starts.items() if name not in with_snapshot} == {True}


def test_the_emulator_takes_no_snapshots(laptop: Assembly) -> None:
    assert (AWS.snap_start, LAPTOP.snap_start) == (True, False)
    functions = laptop.resources("AWS::Lambda::Function").values()
    assert not any("SnapStart" in part["Properties"] for part in functions)


@pytest.mark.parametrize("stage", ["aws", "laptop"])
@pytest.mark.parametrize("function", PUBLISHED)
def test_the_alias_names_the_newest_version_and_only_it_may_be_called(
    stage: str, function: str, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(stage)
    ((alias_id, alias),) = assembly.resources("AWS::Lambda::Alias").items()
    (version_id,) = assembly.resources("AWS::Lambda::Version")
    assert alias["Properties"]["FunctionVersion"] == {"Fn::GetAtt": [version_id, "Version"]}
    permissions = assembly.resources("AWS::Lambda::Permission").values()
    targets = [part["Properties"]["FunctionName"] for part in permissions]
    assert {"Ref": alias_id} in targets
    assert not any(camel(function) in str(target) and "Fn::GetAtt" in target for target in targets)


def test_a_snapshot_fits_what_snap_start_takes(aws: Assembly) -> None:
    """Python 3.12 or newer, at most 512 MB of /tmp, no file system, no provisioned concurrency."""
    part = aws.one("AWS::Lambda::Function", containing="RecommendItemsFunction")["Properties"]
    assert tuple(map(int, part["Runtime"].removeprefix("python").split("."))) >= (3, 12)
    assert part.get("EphemeralStorage", {"Size": 512})["Size"] <= 512
    assert "FileSystemConfigs" not in part
    alias = aws.one("AWS::Lambda::Alias")["Properties"]
    assert "ProvisionedConcurrencyConfig" not in alias
