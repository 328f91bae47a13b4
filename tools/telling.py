"""What a tool tells while it is at work: how far it is, and what it does. Whoever called it may listen."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
"""Of a message, as in syslog (RFC 5424)."""


class Listener(Protocol):
    """Hears a tool, from any thread."""

    def progress(self, done: float, total: float | None, message: str) -> None: ...

    def log(self, level: Level, message: str) -> None: ...


_listener: ContextVar[Listener | None] = ContextVar("interlock_listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Generator[None]:
    """Let a listener hear the tools that run in this block; those in processes of their own are not heard."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def progress(done: float, total: float | None = None, message: str = "") -> None:
    """Tell how far the call is that is under way."""
    if (listener := _listener.get()) is not None:
        listener.progress(done, total, message)


def log(message: str, level: Level = "info") -> None:
    """Tell what the call under way is doing."""
    if (listener := _listener.get()) is not None:
        listener.log(level, message)
