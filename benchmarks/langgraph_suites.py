"""LangGraph's own tests of its stores, run on ChromaStore.

They are fetched as LangGraph publishes them, in the source archives of its packages, into a folder that is deleted
afterwards, with the one package that they need besides; nothing of them is part of this project. Tests of another
store's inner parts are left out, by name and with the reason, and counted.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from _report import arguments, finish, table

MOCKS = "pytest-mock==3.15.1"
HERE = Path(__file__).resolve().parent
SUITES: Mapping[str, tuple[str, ...]] = {
    "langgraph-checkpoint==4.3.2": ("test_store.py",),
    "langgraph-checkpoint-sqlite==3.1.2": ("test_store.py", "test_async_store.py", "test_ttl.py"),
    "langgraph-checkpoint-postgres==3.2.0": ("test_store.py", "test_async_store.py"),
}
LEFT_OUT: Mapping[str, str] = {
    "sqlite==3.1.2 test_vector_store_initialization": "looks for another store's tables",
    "migrations": "of another store's tables",
    "escape": "of another store's SQL",
    "test_namespace_match_pattern": "of another store's SQL",
    "uses_indexable_condition": "of another store's SQL",
    "single_pool_checkout": "of another store's connections",
    "omit_expired": "changes rows by SQL in Postgres; our own tests ask the same",
    "inner_product": "another measure than the cosine",
    "l2": "another measure than the cosine",
}


KNOWN: Mapping[str, str] = {
    "test_no_running_loop": "asks that blocking calls in an event loop are refused; here they are allowed",
    "test_sql_injection_vulnerability": "asks for an error; here any key is a key, and nothing is found by it",
    "test_ttl_override_default": "asks that reading does not prolong a time to live where nothing is configured, as in"
    " SqliteStore; LangGraph's TTLConfig says that it does, and so does ChromaStore",
}
"""Tests that fail because ChromaStore is to behave otherwise. They count as failed."""


def main() -> None:
    options = arguments(__doc__)
    found = {name: run(name) for name in SUITES}
    rows = [
        (name, f"{ended['passed']}/{ended['passed'] + ended['failed']}", f"{ended['left out']}")
        for name, (ended, _) in found.items()
    ]
    table("LangGraph's own tests of stores, on ChromaStore", ("published in", "passed", "left out"), rows)
    for part, reason in LEFT_OUT.items():
        print(f"left out: {part}: {reason}")
    for name, (_, failed) in found.items():
        told = [f"{test}: {why(test)}" for test in failed]
        print(f"{name} failed:", *told or ["nothing"], sep="\n  ")
    finish({name: {**ended, "failed tests": failed} for name, (ended, failed) in found.items()}, as_json=options.json)


def run(package: str) -> tuple[Counter[str], list[str]]:
    """Fetch a package's tests and run them; gives how many ended how, and which failed."""
    with tempfile.TemporaryDirectory() as folder:
        tests = fetched(package, Path(folder)) / "tests"
        report = Path(folder) / "report.xml"
        files = [str(tests / name) for name in SUITES[package]]
        plugins = ["-p", "_suite_shims", "-p", "pytest_mock", "-p", "no:cacheprovider"]
        settings = ["-c", os.devnull, "-o", "asyncio_mode=auto", "--rootdir", folder, f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", "-q", *plugins, *settings, *files]
        more = Path(folder) / "more"
        pip("install", "--no-deps", "--target", str(more), MOCKS)
        paths = os.pathsep.join([str(tests.parent), str(HERE), *sys.path, str(more)])
        environment = {**os.environ, "PYTHONPATH": paths}
        subprocess.run(command, cwd=tests.parent, env=environment, capture_output=True, check=False)
        cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314  # written by the line above
    kept = [case for case in cases if not left_out(f"{package} {case.attrib['name']}")]
    failed = [case.attrib["name"] for case in kept if len(case)]
    ended = Counter({"passed": len(kept) - len(failed), "failed": len(failed), "left out": len(cases) - len(kept)})
    return ended, failed


def fetched(package: str, folder: Path) -> Path:
    """Download a source archive by pip, and unpack it."""
    pip("download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder), package)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def pip(*command: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--quiet", *command], check=True)


def why(test: str) -> str:
    return KNOWN.get(test.partition("[")[0], "not known why")


def left_out(test: str) -> bool:
    return any(part in test for part in LEFT_OUT)


if __name__ == "__main__":
    main()
