"""A worker that dies between a person's yes and the memory loses nothing, and doubles nothing."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.graphs import remembering_until_killed as world

from interlock import Caller
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.memories import Owner

ANN = Owner(tenant="default", user="ann")


def resumed(home: Home, last: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", world.__name__, str(home.path), str(last)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
async def agreed(home: Home) -> str:
    """A run that waits for a doctor, who has just said yes; gives the approval's id."""
    async with world.session(home) as desk:
        waiting = await desk.send("I take insulin.")
    (asked,) = waiting.approvals
    home.approvals.answer(asked["id"], approve=True, by=Caller(user="who", roles=("doctor",)))
    return str(asked["id"])


@pytest.fixture(scope="module")
def lines() -> dict[str, int]:
    """How many lines keep a memory, once that is known."""
    return {}


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.85, 0.97])
def test_what_was_agreed_to_is_kept_once(
    home: Home, agreed: str, lines: dict[str, int], tmp_path: Path, share: float
) -> None:
    if not lines:
        shutil.copytree(home.path, tmp_path / "copy")
        lines["all"] = int(resumed(Home(tmp_path / "copy"), 0).stdout)

    assert resumed(home, int(share * lines["all"])).returncode == -signal.SIGKILL
    assert resumed(home, 0).returncode == 0

    store = world.store(home)
    assert [(record.text, len(record.sources)) for record in store.list(ANN, everything=True)] == [
        (world.NOTE["text"], 1)
    ]
    store.close()
    assert home.approvals.get(agreed).state == "used"
    assert verify(home.database).ok
