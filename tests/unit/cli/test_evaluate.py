"""The command evaluate: tables, JSON, pictures, refusals, and one line for what is not allowed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.broken_world import BROKEN
from tests.unit.cli.conftest import RunCli

HEADER = "item_id,position,click,propensity_score," + ",".join(
    f"user_feature_{number}" for number in range(4)
)


@pytest.fixture(scope="module")
def open_bandit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two logs of the campaign men: uniform, and one that prefers item 0, which is clicked."""
    folder, rng = tmp_path_factory.mktemp("open-bandit"), np.random.default_rng(0)
    for policy, favour in (("random", 1.0), ("bts", 12.0)):
        shares = np.array([favour, *[1.0] * 33]) / (favour + 33.0)
        items = rng.choice(34, size=1_500, p=shares)
        clicks = rng.random(1_500) < np.where(items == 0, 0.4, 0.1)
        rows = [
            f"{item},{1 + at % 3},{int(click)},{shares[item]},u{at % 60},b,c,d"
            for at, (item, click) in enumerate(zip(items, clicks, strict=True))
        ]
        place = folder / policy / "men"
        place.mkdir(parents=True)
        (place / "men.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


def arguments(folder: Path, *more: str) -> list[str]:
    return ["evaluate", "--log", "open-bandit", "--data", str(folder), "--campaign", "men", *more]


def test_a_table_shows_every_estimator_and_the_policys_own_log(
    run_cli: RunCli, open_bandit: Path
) -> None:
    said = run_cli(*arguments(open_bandit, "--policy", "bts"))
    assert (said.status, said.err) == (0, "")
    for part in ("bts from open-bandit/random/men", "IPS", "SNIPS", "doubly robust", "SWITCH",
                 "in its own log", "1500 decisions of 60 members"):  # fmt: skip
        assert part in said.out


def test_json_is_one_document_whose_estimate_meets_the_truth(
    run_cli: RunCli, open_bandit: Path
) -> None:
    found = json.loads(run_cli(*arguments(open_bandit, "--policy", "bts"), "--json").out)
    (dr,) = [one for one in found["estimates"] if one["estimator"] == "dr"]
    assert dr["value"]["low"] < found["on_policy"]["value"] < dr["value"]["high"]
    assert dr["gain"]["low"] > 0.0, "favouring what is clicked pays"
    assert found["unit"] == "clicks per 1,000 shown slots"


def test_a_bernstein_interval_needs_no_bootstrap(run_cli: RunCli, open_bandit: Path) -> None:
    said = run_cli(*arguments(open_bandit, "--policy", "random", "--interval", "bernstein"))
    assert "intervals by bernstein" in said.out
    assert "SNIPS" not in said.out.replace("clipped IPS", "")


@pytest.mark.usefixtures("ports")
def test_a_refusal_is_an_answer_and_draws_nothing(run_cli: RunCli, tmp_path: Path) -> None:
    window = ["--from", BROKEN.start.isoformat(), "--to", BROKEN.end.isoformat()]
    picture = tmp_path / "none.svg"
    said = run_cli("evaluate", "--policy", "greedy", *window, "--plot", str(picture))
    assert said.status == 0
    assert "could not judge, because" in said.out
    assert "was not drawn" in said.out
    assert not picture.exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--policy", "greedy"], "needs a window"),
        (["--policy", "best", "--from", "2026-01-01", "--to", "2026-01-02"], "neither greedy nor"),
        (["--policy", "explore=2", "--from", "2026-01-01", "--to", "2026-01-02"], "(0-1)"),
        (["--policy", "explore=x", "--from", "2026-01-01", "--to", "2026-01-02"], "neither"),
        (["--policy", "bts", "--log", "open-bandit"], "needs --data FOLDER"),
        (["--policy", "bts", "--log", "both"], "--log 'both' is none of"),
        (["--policy", "x", "--log", "open-bandit", "--data", "."], "none of random, bts"),
        (["--policy", "bts", "--log", "open-bandit", "--data", "/nowhere"], "no Open Bandit log"),
        (["--policy", "greedy", "--plot", "x.png"], "must end in .svg"),
        (["--policy", "greedy", "--interval", "wide"], "bootstrap, bernstein"),
    ],
)
def test_what_is_not_allowed_is_one_line_and_status_2(
    run_cli: RunCli, wrong: list[str], message: str
) -> None:
    said = run_cli("evaluate", *wrong)
    assert (said.status, said.out) == (2, "")
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
