"""Whether another tool may stand in for the one that was called: the gate says so, where a call came through it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from interlock.runtime.ports import Tool

Judge = Callable[[Tool, dict[str, Any]], str]
"""Tells why a tool may not be called with some arguments; empty where it may."""
_judge: ContextVar[Judge | None] = ContextVar("interlock_judge", default=None)


@contextmanager
def judged(judge: Judge) -> Generator[None]:
    """Let a judge decide on what stands in for a tool that fails in this block."""
    token = _judge.set(judge)
    try:
        yield
    finally:
        _judge.reset(token)


def refusal(tool: Tool, arguments: dict[str, Any]) -> str:
    """Tell why a tool may not stand in; empty where it may, or where nobody judges."""
    judge = _judge.get()
    return "" if judge is None else judge(tool, arguments)
