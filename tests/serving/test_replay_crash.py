"""A run whose process was killed, wherever that was, is gone on with and replayed through the crash."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.serving import working_until_killed as world

from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.journal.runs import list_runs
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay

TIMES = 30


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of homes, in each of which a process was killed a little later in the same run."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", world.__name__, str(folder), str(TIMES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * TIMES, done.stderr
    return folder


@pytest.mark.parametrize("time", range(TIMES))
async def test_a_run_that_was_killed_anywhere_is_finished_and_replays_through_the_crash(
    killed: Path, time: int
) -> None:
    home = Home(killed / str(time))
    async with world.session(killed, home) as session:
        reply = await session.send("Thanks.")
        if reply.status == "waiting":  # it is not known whether it was paid
            assert [asked["question"] for asked in reply.approvals] == ["in_doubt"]
        else:
            said = await session.history()
            called = [call["id"] for message in said if message.type == "ai" for call in message.tool_calls]
            answered = [message.tool_call_id for message in said if message.type == "tool"]
            assert reply.text == "You are welcome."
            assert called == answered in ([], ["look", "pay", "peek", "peek", "look"])
    assert verify(home.database).ok
    recordings = [record(home.journal, run.run) for run in list_runs(home.journal)]
    home.close()

    for recording in recordings:
        found = await replay(recording, world.till(killed))
        assert found.identical, "\n".join(found.diff)


async def test_what_a_run_had_done_is_kept_where_its_last_checkpoint_was_not(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    async with world.session(tmp_path, home) as session:
        paid = await session.send("Pay 5.")
        whole = await session.history()
    with closing(sqlite3.connect(home.path / "checkpoints.db")) as file, file:
        file.execute("DELETE FROM checkpoints WHERE checkpoint_id = (SELECT max(checkpoint_id) FROM checkpoints)")

    async with world.session(tmp_path, home) as session:
        thanked = await session.send("Thanks.")
        said = await session.history()

    assert thanked.before is not None
    assert thanked.before.run == paid.run
    assert said[: len(whole)] == whole
