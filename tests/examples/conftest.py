"""What the tests of the support agent share: its tools on a shop of their own."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.records import Caller, ToolContext

EXAMPLES = Path(__file__).parents[2] / "examples"

Call = Callable[..., Any]
Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shop will be made."""
    path = tmp_path / "made" / "support.db"
    monkeypatch.setenv("SUPPORT_DB", str(path))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return path


@pytest.fixture
def rows(database: Path) -> Rows:
    """Ask the shop's database."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(database)) as shop:
            return shop.execute(sql).fetchall()

    return ask


@pytest.fixture
def call(database: Path) -> Call:
    """Call a tool as the gate would, for customer 7 unless another is named."""
    tools = import_module("support.tools")

    async def call(tool: str, /, user: str = "7", key: str = "k1", **arguments: Any) -> Any:
        context = ToolContext(caller=Caller(user=user), run="r1", thread="t1", idempotency_key=key)
        return await getattr(tools, tool).run(arguments, context)

    return call
