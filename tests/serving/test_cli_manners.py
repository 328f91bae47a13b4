"""What the command line tells people who begin: versions, what is missing, and where output goes."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from tests.serving.conftest import Cli

from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.home import Home
from interlock.serving.session import Session

MAIN = "from interlock.serving.cli.main import main; main()"


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version", home=False).out == f"interlock {version('interlock')}\n"


def test_a_provider_whose_package_is_missing_is_named_with_what_to_install(cli: Cli, project: str) -> None:
    done = cli("run", project, "Hello.", "--model", "nobody:x")

    assert done.status == 2
    assert "None" not in done.err


def test_an_agent_without_suites_is_told_how_to_get_one(cli: Cli, project: str) -> None:
    for file in (Path(project) / "evals").iterdir():
        file.unlink()
    (Path(project) / "evals").rmdir()

    done = cli("eval", "run", project, home=False)

    assert done.status == 2
    assert "there is none" in done.err
    assert "interlock eval record" in done.err


def test_the_command_that_init_proposes_can_be_pasted(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "my agent"

    done = cli("init", str(folder), home=False)

    assert done.out.startswith(f"interlock run '{folder}' ")


def test_a_piped_chat_prints_replies_alone_on_stdout(project: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAIN, "chat", project, "--home", str(tmp_path / "home")]
    done = subprocess.run(command, input="How much is in the till?\n", capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert done.stdout.splitlines() == ["The balance of the till is 200.00."]


def test_a_chat_for_machines_gives_each_reply_as_a_line_of_json(project: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAIN, "chat", project, "--home", str(tmp_path / "home"), "--json"]
    said = "How much is in the till?\nPay out 60 from the till.\n"
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False)

    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["status"] for reply in replies] == ["done", "waiting"]
    assert replies[0]["text"] == "The balance of the till is 200.00."


def test_init_tells_machines_what_it_wrote(cli: Cli, tmp_path: Path) -> None:
    told = cli("init", str(tmp_path / "new"), "--json", home=False).json

    assert told["folder"] == str(tmp_path / "new")
    assert str(tmp_path / "new" / "agent.py") in told["files"]
    assert all(Path(file).is_file() for file in told["files"])


def test_tomorrow_is_counted_from_the_clock_of_the_run(tmp_path: Path) -> None:
    @tool(read_only=True)
    def weather(day: date) -> str:
        """Tell the weather of a day."""
        return f"sunny on {day}"

    home = Home(tmp_path, clock=ManualClock(datetime(2031, 5, 9, tzinfo=UTC)))
    reply = Session(tool_loop(Agent(name="weather", model="embedded", tools=[weather])), home=home).say(
        "What is the weather tomorrow?"
    )
    home.close()

    assert [call.arguments for call in reply.calls] == [{"day": "2031-05-10"}]
