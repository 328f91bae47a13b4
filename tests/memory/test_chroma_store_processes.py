"""What holds for a store when several processes come to it, and when one is killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.memory import ChromaStore
from interlock.memory.layout import store_folder
from interlock.runtime.errors import MemoryBusy
from store_peers import Letters

NS = ("docs",)
PRELUDE = """
import os, sys
sys.path.insert(0, sys.argv[2])
from interlock.memory import ChromaStore
from interlock.runtime.errors import MemoryBusy
from store_peers import Letters
def opened():
    index = {"dims": Letters.dims, "embed": Letters(), "fields": ["text"]}
    return ChromaStore(sys.argv[1], index=index, wait_s=0.1)
store = opened()
"""
HOLDER = """
store.put(("docs",), "held", {"text": "quill"})
print("held", flush=True)
sys.stdin.read()
"""
WRITER = """
n = 0
while True:
    key = f"{sys.argv[3]}-{n}"
    store.put(("docs", str(n % 3)), key, {"text": "quill " + "abcdefghijklmnopqrstuvwxyz"[n % 26] * (n % 7)})
    if n % 5 == 4:
        store.delete(("docs", str((n - 1) % 3)), f"{sys.argv[3]}-{n - 1}")
        print("gone", f"{sys.argv[3]}-{n - 1}", flush=True)
    print("kept", key, flush=True)
    n += 1
"""


def process(program: str, path: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PRELUDE + program, str(path), str(Path(__file__).parent), *more]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def opened(path: Path) -> ChromaStore:
    return ChromaStore(path, index={"dims": Letters.dims, "embed": Letters(), "fields": ["text"]}, wait_s=0.1)


def test_a_second_writer_is_always_refused_and_told_who_writes(tmp_path: Path) -> None:
    with process(HOLDER, tmp_path) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        with opened(tmp_path) as store:
            for _ in range(5):
                with pytest.raises(MemoryBusy, match=f"process {other.pid} is writing"):
                    store.put(NS, "mine", {"text": "quill"})
            with pytest.raises(MemoryBusy):
                store.search(NS, query="quill")
            with pytest.raises(MemoryBusy):
                store.delete(NS, "held")
            assert [item.key for item in store.search(NS)] == ["held"]
        other.stdin.close()


def test_a_second_store_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with opened(tmp_path) as first, opened(tmp_path) as second:
        first.put(NS, "a", {"text": "quill"})
        with pytest.raises(MemoryBusy):
            second.put(NS, "b", {"text": "quill"})
        first.close()
        second.put(NS, "b", {"text": "quill"})

        assert {item.key for item in second.search(NS, query="quill")} == {"a", "b"}


def test_what_was_acknowledged_outlives_a_kill_and_is_found_by_meaning(tmp_path: Path) -> None:
    kept: set[str] = set()
    gone: set[str] = set()
    for trial in range(5):
        lines = killed_after(tmp_path, f"t{trial}", 60 + 70 * trial)
        kept |= {key for what, key in lines if what == "kept"}
        gone |= {key for what, key in lines if what == "gone"}
        with opened(tmp_path) as store:
            found = {item.key for item in store.search(("docs",), query="quill", limit=10_000) if item.score}
            missing = kept - gone - found
            # One deletion may have been done that nobody was told of any more.
            assert missing <= {next(key for what, key in reversed(lines) if what == "kept")}
            kept -= missing
            assert gone & found == set()


def test_a_killed_writer_holds_nobody_up(tmp_path: Path) -> None:
    killed_after(tmp_path, "t", 10)

    with opened(tmp_path) as store:
        store.put(NS, "next", {"text": "quill"})
    assert (store_folder(tmp_path, "") / "vectors").exists()


def killed_after(path: Path, name: str, count: int) -> list[tuple[str, str]]:
    """Let a process write, kill it after so many lines; gives all that it said."""
    with process(WRITER, path, name) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(count)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.wait()
    assert all(lines)
    return [(line.split()[0], line.split()[1]) for line in lines if line.endswith("\n")]
