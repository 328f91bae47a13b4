"""How LangGraph's stores behave: the tests of ours in tests/memory, run on LangGraph's own stores as well.

Each store is run in a process of its own. What a store does not promise, such as times to live in main memory, counts
as not done; what cannot be tried here is counted apart.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from _report import arguments, finish, table

DONE, FAILED, NOT_RUN = "done", "failed", "not measured"
NOTE = "Not measured: SqliteStore has no vectors where Python's sqlite3 was built without loading extensions."
ROOT = Path(__file__).resolve().parents[1]
STORES = ("InMemoryStore", "SqliteStore", "ChromaStore")
FILES = sorted((ROOT / "tests" / "memory").glob("test_chroma_store_*.py"))
SHARED = [f for f in FILES if f.stem.rpartition("_")[2] in ("filters", "items", "namespaces", "search", "times")]


def main() -> None:
    options = arguments(__doc__)
    found = {store: behaviours(store) for store in STORES}
    names = list(found["ChromaStore"])
    rows = [(store, f"{count(found[store], DONE)}/{len(names)}", f"{count(found[store], NOT_RUN)}") for store in STORES]
    table("Behaviours of LangGraph stores", ("store", "done", "not measured"), rows, note=NOTE)
    for store in STORES:
        failed = [sentence(name) for name in names if found[store][name] == FAILED]
        print(f"\n{store} does not:", *failed or ["fail in anything"], sep="\n  ")
    figures = {store: {state: count(found[store], state) for state in (DONE, FAILED, NOT_RUN)} for store in STORES}
    finish(figures, as_json=options.json)


def behaviours(store: str) -> dict[str, str]:
    """Run the tests on a store; tells of each how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", "-W", "default", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *options, *map(str, SHARED)]
        environment = {**os.environ, "STORE_UNDER_TEST": store}
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
        cases = ElementTree.parse(report).iter("testcase")  # noqa: S314  # written by the line above
        return {case.attrib["name"]: ended(case) for case in cases}


def ended(case: ElementTree.Element) -> str:
    return NOT_RUN if case.find("skipped") is not None else FAILED if len(case) else DONE


def count(found: dict[str, str], state: str) -> int:
    return list(found.values()).count(state)


def sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    main()
