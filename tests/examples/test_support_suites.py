"""The support agent's suites ask real questions about real tools, and nobody learnt them by heart."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from interlock.evals import Case, Expect, Suite, read_suites

ROOT = Path(__file__).parents[2]
SUITES = read_suites(ROOT / "examples" / "support" / "evals")
CASES = [(suite, case) for suite in SUITES for case in suite.cases]
WORDS_IN_A_PHRASE = 5


def expectations(case: Case) -> Iterator[Expect]:
    yield case.expect
    yield from (exchange.expect for exchange in case.exchanges())


def phrases(text: str) -> set[str]:
    words = re.findall(r"\w+", text.casefold())
    return {" ".join(words[at : at + WORDS_IN_A_PHRASE]) for at in range(len(words) - WORDS_IN_A_PHRASE + 1)}


def test_there_are_enough_cases_and_each_kind_is_there() -> None:
    tags = {tag for _, case in CASES for tag in case.tags}

    assert len(CASES) >= 60
    assert {"multi-step", "unanswerable", "ambiguous", "injection", "memory", "approval", "privacy"} <= tags


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.suite)
def test_a_suite_names_tools_and_arguments_that_exist(database: Path, suite: Suite) -> None:
    tools = import_module("support.tools")
    named: list[Any] = [
        call
        for case in suite.cases
        for expect in expectations(case)
        for call in (
            *(expect.calls.include + expect.calls.never_done + expect.calls.never_asked if expect.calls else ()),
            *(expect.waiting or ()),
        )
    ]

    for call in named:
        assert set(call.arguments) <= set(getattr(tools, call.tool).contract.arguments["properties"]), call


def test_every_query_can_be_asked_of_the_shop(database: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as shop:
        import_module("support.seed").seed(shop)
        for _, case in CASES:
            for expect in expectations(case):
                for query in expect.database:
                    shop.execute(query.sql).fetchall()


def test_no_phrase_of_a_case_stands_in_the_embedded_model_or_in_the_tools() -> None:
    asked = {
        phrase: case.id for _, case in CASES for exchange in case.exchanges() for phrase in phrases(exchange.say or "")
    }
    files = [
        *(ROOT / "runtime" / "models" / "embedded").rglob("*"),
        *(path for path in (ROOT / "examples" / "support").glob("*.py") if path.name != "demo.py"),  # it asks, too
        *(ROOT / "examples" / "support" / "prompts").glob("*.md"),
    ]

    learnt = {
        (path.name, phrase, asked[phrase])
        for path in files
        if path.is_file() and path.suffix != ".pyc"
        for phrase in phrases(path.read_text("utf-8")) & asked.keys()
    }
    assert learnt == set()
