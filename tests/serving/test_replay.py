"""Every run can be run again from its record, and nothing happens by it."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.serving.conftest import Cli

from checkout import ROOT
from interlock.runtime.home import Home
from interlock.runtime.replay.recording import exported, imported, record
from interlock.serving.replaying import replay

MAIN = "from interlock.serving.cli.main import main; main()"


def benchmark(name: str) -> Any:
    """Load a module of the benchmarks."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.mark.parametrize("seed", range(12))
async def test_a_random_run_comes_again_event_by_event(seed: int, tmp_path: Path) -> None:
    runs = benchmark("_random_runs")
    home = Home(tmp_path / "home")
    reply = await runs.take_place(runs.graph_of(seed, tmp_path), home, seed)
    recording = imported(exported(record(home.journal, reply.run)), "here")
    before = len(list(home.journal.everything()))

    found = await replay(recording, runs.graph_of(seed, tmp_path))

    assert found.identical, "\n".join((found.place, *found.diff))
    assert found.same == found.steps == before
    assert len(list(home.journal.everything())) == before
    home.close()


async def test_each_planted_change_is_named_where_it_first_bears_on_the_run(tmp_path: Path) -> None:
    changes = await benchmark("_planted").planted(tmp_path)

    assert [(one.what, one.named) for one in changes] == [(one.what, one.expected) for one in changes]
    assert len(changes) == 20


@pytest.fixture
def paid(cli: Cli, project: str) -> str:
    """A run that paid after a person had approved it."""
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json").json
    cli("approvals", "approve", waiting["approvals"][0]["id"], "--user", "boss")
    return str(waiting["run"])


def test_replay_says_that_a_run_with_an_approval_comes_again(cli: Cli, paid: str) -> None:
    done = cli("replay", paid, "--json")

    assert done.status == 0, done.out
    assert done.json["identical"] is True
    assert done.json["same"] == done.json["steps"] > 10


def test_an_exported_run_replays_in_any_home(cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(cli("trace", "export", paid).out)

    done = cli("replay", str(file), "--agent", project, "--home", str(tmp_path / "elsewhere"), home=False)

    assert done.status == 0
    assert "byte for byte" in done.out
    assert not (tmp_path / "elsewhere").exists()


def test_a_changed_prompt_is_named_with_the_lines_that_changed(
    cli: Cli, paid: str, project: str, tmp_path: Path
) -> None:
    prompt = Path(project) / "prompts" / "system.md"
    prompt.write_text(prompt.read_text() + "Be brief.\n")

    command = [sys.executable, "-c", MAIN, "replay", paid, "--home", str(tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "differs at 1.think.1" in done.stdout
    assert "+[system] Be brief." in done.stdout
    assert "manifest: prompts.system" in done.stderr


DAMAGES: list[tuple[Callable[[str], str], str]] = [
    (lambda text: text[: len(text) // 2], "cut off"),
    (lambda text: text.replace("Pay out 50", "Pay out 60"), "changed since"),
    (lambda text: text.replace('"interlock_recording":1', '"interlock_recording":9'), "format 9"),
    (lambda _text: "[]", "no recording"),
]


def test_a_damaged_export_is_refused(cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    whole, file = cli("trace", "export", paid).out, tmp_path / "run.json"

    for damage, told in DAMAGES:
        file.write_text(damage(whole))
        done = cli("replay", str(file), "--agent", project)

        assert done.status == 2
        assert told in done.err


def test_an_unknown_run_is_refused(cli: Cli, paid: str) -> None:
    assert cli("replay", "0000nothing").status == 2


def test_two_runs_of_the_same_request_do_not_part(cli: Cli, project: str) -> None:
    first, second = (cli("run", project, "How much is in the till?", "--user", "1", "--json").json for _ in "ab")
    other = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json").json

    assert cli("trace", "diff", first["run"], second["run"]).status == 0
    assert cli("trace", "diff", first["run"], other["run"]).status == 1


def test_a_run_becomes_a_case_that_runs_offline(cli: Cli, paid: str, project: str) -> None:
    assert cli("eval", "record", paid, f"{project}/evals").status == 0

    done = cli("eval", "run", project, f"{project}/evals/recorded.yaml", "--json", home=False)

    assert done.status == 0, done.err
    assert [case["passed"] for case in done.json["cases"]] == [True]


def test_a_recorded_case_fails_where_the_policy_now_denies(cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    cli("eval", "record", paid, f"{project}/evals")
    policy = Path(project) / "policy.cedar"
    policy.write_text(policy.read_text() + '@id("never") forbid (principal, action == Action::"pay_out", resource);')

    done = cli("eval", "run", project, f"{project}/evals/recorded.yaml", home=False)

    assert done.status == 1
