"""Parts of small agents: a till that pays, a scripted model, and a home that is thrown away."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from interlock import Agent, Budget, tool
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import Line, ScriptedChatModel

POLICY = """
@id("look") permit (principal, action == Action::"look", resource);
@id("small") permit (principal, action == Action::"pay", resource)
when { context.args.amount.lessThanOrEqual(decimal("50.00")) };
@id("large") @decision("ask") @reason("more than 50") @roles("lead")
permit (principal, action == Action::"pay", resource) when { context.args.amount.greaterThan(decimal("50.00")) };
@id("huge") @reason("more than 500") forbid (principal, action == Action::"pay", resource)
when { context.args.amount.greaterThan(decimal("500.00")) };
"""


class Till:
    """Counts what was really paid."""

    def __init__(self) -> None:
        self.paid: list[Decimal] = []
        self.breaks: Exception | None = None

    def tools(self) -> list[Any]:
        @tool(destructive=True, timeout=5)
        async def pay(amount: Decimal) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            if self.breaks:
                raise self.breaks
            return f"paid {amount}"

        @tool(read_only=True, timeout=5)
        def look() -> int:
            """Look into the till."""
            return 200

        return [pay, look]


def call(name: str, id: str, **arguments: Any) -> Any:
    """Write a tool call as a model does."""
    return {"name": name, "args": arguments, "id": id}


def calls(*asked: Any) -> AIMessage:
    """Write a message that calls tools."""
    return AIMessage("", tool_calls=list(asked))


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.close()


class Agents:
    """Makes agents with the till's tools and policy."""

    def __init__(self, till: Till, folder: Path) -> None:
        self._till = till
        self._policy = folder / "policy.cedar"
        self._policy.write_text(POLICY)

    def make(self, *lines: Line, budget: Budget | None = None, tools: list[Any] | None = None) -> Agent:
        return Agent(
            name="till",
            model=ScriptedChatModel(list(lines)),
            tools=self._till.tools() if tools is None else tools,
            policy=self._policy,
            budget=budget or Budget(),
        )


@pytest.fixture
def agents(till: Till, tmp_path: Path) -> Agents:
    return Agents(till, tmp_path)
