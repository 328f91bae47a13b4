"""An erasure that is cut off is finished, one that is held up says so, and nothing is left half erased."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.serving import erasing_until_killed as world

from interlock.runtime.erasures import pending
from interlock.runtime.errors import ErasurePending, InterlockError, StillRead, ThreadBusy
from interlock.runtime.gate.leases import take
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify as audit
from interlock.serving.forgetting import Forgetting, verify


@pytest.fixture
def home(tmp_path: Path) -> Home:
    world.make_world(tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def forgetting(home: Home) -> Iterator[Forgetting]:
    with world.opened(home) as opened:
        yield opened


def lying(home: Home) -> list[str]:
    """Name the files that hold anything of Ann."""
    vector = world.Hashed().embed([world.SAID])[0].astype("<f4").tobytes()
    files = [path for path in home.path.rglob("*") if path.is_file()]
    return [file.name for file in files if world.PLACE.encode() in (read := file.read_bytes()) or vector[:32] in read]


def killed_at(home: Home, line: int) -> int:
    command = [sys.executable, "-m", world.__name__, str(home.path), str(line)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.parametrize("line", [700, 1800, 2600, 3600, 4400])
def test_what_was_cut_off_is_finished_by_the_next(home: Home, line: int) -> None:
    assert killed_at(home, line) == -signal.SIGKILL

    with world.opened(home) as forgetting:
        found = forgetting.forget(world.ANN)
        receipt = found.receipt or found.finished[-1]

        assert lying(home) == []
        assert verify(home, forgetting.store, receipt).ok
        assert audit(home.database).ok
        assert len(forgetting.store.list(world.BOB)) == 2


def test_nothing_begins_for_somebody_who_is_being_forgotten(home: Home) -> None:
    assert killed_at(home, 3600) == -signal.SIGKILL
    assert len(pending(home.database)) == 1

    with pytest.raises(ErasurePending, match="what is held on them is being erased"):
        world.talk(home, world.ANN, "hello")
    world.talk(home, world.BOB, "hello")


def test_a_run_at_work_holds_it_up_before_anything_is_erased(home: Home, forgetting: Forgetting) -> None:
    with home.database.transaction() as tx:
        take(tx, "t-ann", "r-1", f"{os.uname().nodename}/{os.getppid()}/x", home.clock)
    before = lying(home)

    with pytest.raises(ThreadBusy, match="in use by run 'r-1'"):
        forgetting.forget(world.ANN)

    assert set(before) <= set(lying(home))  # Chroma may have written its graph meanwhile
    assert pending(home.database) == []


@pytest.mark.parametrize("file", ["journal.db", "checkpoints.db"])
def test_a_reader_delays_the_receipt_and_is_told_of(home: Home, forgetting: Forgetting, file: str) -> None:
    with closing(sqlite3.connect(home.path / file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sqlite_master").fetchall()
        with pytest.raises(StillRead, match="another process still reads"):
            forgetting.forget(world.ANN)

    (receipt,) = forgetting.finish()

    assert lying(home) == []
    assert verify(home, forgetting.store, receipt).ok


def test_a_disk_that_is_full_is_told_of_and_it_goes_on_later(home: Home, forgetting: Forgetting) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, most))
    try:
        with pytest.raises(InterlockError, match=r"cannot write|disk|checkpoints|File too large"):
            forgetting.forget(world.ANN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    found = forgetting.forget(world.ANN)

    assert found.receipt or found.finished
    assert lying(home) == []
    assert audit(home.database).ok
