"""A home on a disk that cannot be written: every verb says so, and nothing in it changes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.memory import Memory
from interlock.runtime.home import Home
from interlock.runtime.memories import Note, Owner

MOUNTED = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


def read_only(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that sees the home on a disk of its own, which cannot be written."""
    inside = ["unshare", "--mount", "sh", "-c", MOUNTED, str(home), *command]
    return subprocess.run(inside, capture_output=True, text=True, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    opened = Home(tmp_path / "home")
    assert opened.database
    store = Memory().open(opened.path, opened.clock)
    store.add(Note(text="likes tea"), Owner(tenant="default", user="ann"))
    store.close()
    opened.close()
    try:
        mounted = read_only(opened.path, "true").returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user may mount nothing")
    yield opened.path


@pytest.mark.parametrize(
    "verb",
    ["memory list", "memory search tea", "memory forget --yes", "memory hold case", "memory reindex", "memory prune"],
)
def test_what_cannot_be_done_says_so_and_what_to_do(home: Path, verb: str) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    interlock = str(Path(sys.executable).with_name("interlock"))

    done = read_only(home, interlock, *verb.split(), "--user", "ann", "--home", str(home))

    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("interlock: home: ")
    assert "writable" in done.stderr or "can be written" in done.stderr
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
