"""A disk that is full in the middle of a run: it stops before its next effect, and nothing is lost."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.home import CHECKPOINTS, Home, using
from interlock.runtime.journal.audit import verify
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.storage.checkpoints import HomeSaver
from interlock.serving.session import Session

POLICY = '@id("all") permit (principal, action in [Action::"fill", Action::"pay"], resource);'
BEGIN = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from tests.serving.test_full_disk import till
from interlock.serving.session import Session
print(Session(till(Path(sys.argv[1]), full=True), home=Path(sys.argv[1]) / "home", thread="t").say("Pay 5."))
"""


def till(folder: Path, *, full: bool = False, then: Callable[[], object] = bool) -> Compiled:
    """Make an agent that looks something long up, and pays.

    Args:
        full: no file can grow once it has looked.
        then: is done when it has paid.
    """
    (folder / "policy.cedar").write_text(POLICY)

    @tool(read_only=True)
    def fill() -> str:
        """Look something long up."""
        if full:
            sizes = [file.stat().st_size for file in (folder / "home").iterdir() if file.is_file()]
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes), resource.RLIM_INFINITY))
        return "x" * 20_000

    @tool(destructive=True)
    def pay(amount: int) -> str:
        """Pay an amount."""
        with (folder / "paid").open("a") as paid:
            paid.write(f"{amount}\n")
        then()
        return f"paid {amount}" + 20_000 * "."

    def says(messages: Any) -> AIMessage | str:
        made = [message.name for message in messages if isinstance(message, ToolMessage)]
        if "pay" in made:
            return "paid"
        name, arguments = ("pay", {"amount": 5}) if "fill" in made else ("fill", {})
        return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])

    model = ScriptedChatModel([says] * 9)
    return tool_loop(Agent(name="till", model=model, tools=[fill, pay], policy=folder / "policy.cedar"))


def asked(folder: Path, graph: Compiled) -> str:
    """Ask where there is space again, and give the answer."""
    session = Session(graph, home=folder / "home", thread="t")
    reply = session.say("And now?")
    session.home.close()
    return reply.text


def test_a_run_whose_journal_cannot_be_written_stops_before_its_effect(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BEGIN, str(tmp_path), *sys.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "JournalBroken: no effect without a journal: cannot write" in done.stderr
    assert "what could not be written was not done; free space" in done.stderr
    assert not (tmp_path / "paid").exists()
    home = Home(tmp_path / "home")
    assert verify(home.database).ok
    home.close()


def test_once_there_is_space_the_run_goes_on_and_its_effect_happens_once(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", BEGIN, str(tmp_path), *sys.path], capture_output=True, check=False)

    assert asked(tmp_path, till(tmp_path)) == "paid"

    assert (tmp_path / "paid").read_text().split() == ["5"]


def test_an_effect_whose_checkpoint_cannot_be_written_is_not_repeated(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    _ = home.database
    saver = HomeSaver(home.path / CHECKPOINTS)

    def fill_up() -> None:
        pages = saver.conn.execute("PRAGMA page_count").fetchone()[0]
        saver.conn.execute(f"PRAGMA max_page_count = {pages}")

    graph = till(tmp_path, then=fill_up).copy({"checkpointer": saver})
    with using(home), pytest.raises(HomeUnusable, match=r"cannot write the checkpoints: .*full"):
        graph.invoke({"messages": [("user", "Pay 5.")]}, {"configurable": {"thread_id": "t"}})
    saver.close()
    home.close()

    assert (tmp_path / "paid").read_text().split() == ["5"]
    assert asked(tmp_path, till(tmp_path)) == "paid"
    assert (tmp_path / "paid").read_text().split() == ["5"]
