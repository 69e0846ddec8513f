"""Up, down, status and clean: data survive, nothing stays behind, errors are one line."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from botocore.config import Config
from recsysops.settings import Settings

from infra.local import clients, stage
from infra.local.clients import make_client
from infra.local.deploy import deploy_assembly
from infra.local.emulator import find_emulator, start_emulator, stop_emulator
from infra.local.errors import StageError
from infra.local.layout import REPOSITORY, Layout
from infra.local.outputs import name_outputs
from infra.local.ports import HOST, find_free_port, is_free
from infra.local.stage import bring_up, forget, read_status, take_down
from tests.integration.laptop.conftest import Deployed
from tests.integration.laptop.scenes import invoke, make_function

pytestmark = pytest.mark.laptop


@pytest.fixture
def layout(assembly: Path, tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(root=tmp_path / "stage", assembly=assembly)
    yield layout
    stop_emulator(layout)


def run_command(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.local", *arguments, "--root", str(root)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def processes_in(folder: Path) -> list[str]:
    """Every process that works in the folder or was started for it."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline", "cwd"])
        if str(folder) in f"{process.info['cwd']} {' '.join(process.info['cmdline'] or ())}"
    ]


def test_outputs_name_everything_that_settings_may_hold(laptop: Deployed) -> None:
    numbers = {"poll_seconds", "full_rows_per_day", "member_deadline_ms"}
    unset = {"feedback_weights"}  # this stage keeps the weights that everybody starts with
    known = set(Settings.model_fields) - {"stage", "accept_retimed", *numbers, *unset}
    assert {name for name in known if not laptop.outputs.get(name)} == set()


def test_data_survive_down_and_up_on_another_port(layout: Layout) -> None:
    first = bring_up(layout, port=find_free_port())
    outputs = json.loads(layout.outputs.read_text())
    make_client("dynamodb", str(first.endpoint)).put_item(
        TableName=outputs["items_table"], Item={"item_id": {"S": "17"}}
    )
    make_client("s3", str(first.endpoint)).put_object(
        Bucket=outputs["lake_bucket"], Key="kept.txt", Body=b"kept"
    )
    take_down(layout)

    second = bring_up(layout, port=find_free_port())
    assert second.port != first.port
    again = json.loads(layout.outputs.read_text())
    assert again["items_table"] == outputs["items_table"]
    items = make_client("dynamodb", str(second.endpoint)).scan(TableName=again["items_table"])
    assert items["Items"] == [{"item_id": {"S": "17"}}]
    kept = make_client("s3", str(second.endpoint)).get_object(
        Bucket=again["lake_bucket"], Key="kept.txt"
    )
    assert kept["Body"].read() == b"kept"


def test_up_twice_keeps_the_process_and_the_names(laptop: Deployed) -> None:
    before = read_status(laptop.layout)
    after = bring_up(laptop.layout)
    assert (after.pid, after.port) == (before.pid, before.port)
    assert json.loads(laptop.layout.outputs.read_text()) == laptop.outputs


def test_changed_sources_renew_the_process_and_keep_the_names(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers import our package from the work tree: old ones would run old code."""
    before = bring_up(layout, port=find_free_port())
    names = json.loads(layout.outputs.read_text())
    monkeypatch.setattr(stage, "fingerprint_sources", lambda: "changed")
    after = bring_up(layout)
    assert (after.pid != before.pid, after.port == before.port) == (True, True)
    assert json.loads(layout.outputs.read_text()) == names


def test_up_refuses_to_move_a_running_stage(laptop: Deployed) -> None:
    with pytest.raises(StageError, match="already up on port"):
        bring_up(laptop.layout, port=find_free_port())


def test_down_leaves_no_process_and_no_scratch_folder(layout: Layout) -> None:
    emulator = start_emulator(layout, port=find_free_port())
    make_function(emulator.endpoint, "worker", "import os\ndef handle(e, c): return os.getpid()")
    worker = invoke(emulator.endpoint, "worker")
    assert psutil.pid_exists(int(str(worker)))
    assert any(layout.scratch.iterdir())

    assert stop_emulator(layout)
    assert processes_in(layout.root) == []
    assert is_free(emulator.port)
    assert not layout.scratch.exists()
    assert not layout.record.exists()


def test_workers_of_a_killed_server_are_swept_up(layout: Layout) -> None:
    emulator = start_emulator(layout, port=find_free_port())
    stubborn = "import time\ndef handle(e, c): time.sleep(60)"
    make_function(emulator.endpoint, "stubborn", stubborn)
    make_client("lambda", emulator.endpoint).invoke(FunctionName="stubborn", InvocationType="Event")
    while not processes_in(layout.scratch):
        pass
    psutil.Process(emulator.pid).kill()

    stop_emulator(layout)
    assert processes_in(layout.root) == []


def test_a_server_that_hangs_is_reported_in_one_line_and_can_be_stopped(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = start_emulator(layout, port=find_free_port())
    monkeypatch.setattr(clients, "_CONFIG", clients._CONFIG.merge(Config(read_timeout=1)))
    psutil.Process(emulator.pid).suspend()
    with pytest.raises(StageError, match="does not do its work"):
        read_status(layout)
    psutil.Process(emulator.pid).resume()
    assert stop_emulator(layout)


def test_a_stale_record_never_kills_a_stranger(layout: Layout) -> None:
    """The pid was given to another process (this one) after the emulator's end."""
    layout.root.mkdir(parents=True)
    layout.record.write_text(
        json.dumps(
            {"pid": os.getpid(), "started_at": 1.0, "port": 1, "auth": False, "fingerprint": ""}
        )
    )
    assert find_emulator(layout) is None
    assert not stop_emulator(layout)


def test_clean_forgets_everything(layout: Layout) -> None:
    start_emulator(layout, port=find_free_port())
    forget(layout)
    assert not layout.root.exists()
    assert read_status(layout).status == "down"


def test_a_taken_port_is_explained_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = run_command("up", "--port", str(port), root=tmp_path / "stage")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"port {port} is taken by process {os.getpid()} (" in line
    assert "--port" in line


def test_json_prints_exactly_one_object(laptop: Deployed, tmp_path: Path) -> None:
    up = json.loads(run_command("status", "--json", root=laptop.layout.root).stdout)
    assert up["status"] == "up"
    assert up["endpoint"] == laptop.outputs["endpoint"]
    assert all(state.endswith("_COMPLETE") for state in up["stacks"].values())

    down = run_command("down", "--json", root=tmp_path / "none")
    assert (down.returncode, json.loads(down.stdout)["status"]) == (0, "down")

    moved = run_command("up", "--port", "1", "--json", root=laptop.layout.root)
    assert moved.returncode == 2
    assert "already up on port" in json.loads(moved.stdout)["error"]


def write_assembly(folder: Path, resources: dict[str, object]) -> Path:
    """A cloud assembly of one stack with these resources and no asset but its template."""
    folder.mkdir(exist_ok=True)
    template = {"Resources": resources}
    (folder / "Tiny.template.json").write_text(json.dumps(template))
    destination = {
        "bucketName": "assets-${AWS::AccountId}-${AWS::Region}",
        "objectKey": f"{abs(hash(json.dumps(template)))}.json",
    }
    asset = {
        "source": {"path": "Tiny.template.json", "packaging": "file"},
        "destinations": {"here": destination},
    }
    (folder / "Tiny.assets.json").write_text(json.dumps({"files": {"template": asset}}))
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "Tiny.template.json"},
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"Tiny": stack}}))
    return folder


def test_an_unknown_resource_type_is_named(corrected: str, tmp_path: Path) -> None:
    unknown = {"Odd": {"Type": "AWS::Nowhere::Thing", "Properties": {}}}
    with pytest.raises(StageError, match=r"stack Tiny was refused: .*AWS::Nowhere"):
        deploy_assembly(write_assembly(tmp_path / "app", unknown), endpoint=corrected)


def test_a_failed_stack_says_why_and_can_be_mended(corrected: str, tmp_path: Path) -> None:
    """The oldest failure is the cause; a stack that was rolled back is replaced."""
    metric_mathematics = {
        "Metrics": [{"Id": "a", "Expression": "1 + 1"}],
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
    }
    bad = {"Sum": {"Type": "AWS::CloudWatch::Alarm", "Properties": metric_mathematics}}
    with pytest.raises(StageError, match=r"Tiny is \w+: Sum \(AWS::CloudWatch::Alarm\): \w+"):
        deploy_assembly(write_assembly(tmp_path / "app", bad), endpoint=corrected)

    good = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "mended"}}}
    deploy_assembly(write_assembly(tmp_path / "app", good), endpoint=corrected)
    assert make_client("sqs", corrected).get_queue_url(QueueName="mended")


def test_an_app_without_an_api_is_refused() -> None:
    with pytest.raises(StageError, match="ApiUrl"):
        name_outputs({"ItemsTable": "items"}, endpoint="http://127.0.0.1:1")


def test_workers_see_nothing_of_the_users_environment(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    emulator = start_emulator(layout, port=find_free_port())
    make_function(
        emulator.endpoint, "look", "import os\ndef handle(e, c): return sorted(os.environ)"
    )
    seen = invoke(emulator.endpoint, "look")
    assert not {"AWS_PROFILE", "DATABASE_PASSWORD", "PYTHONPATH"} & set(seen)  # type: ignore[arg-type]
