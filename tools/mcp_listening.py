"""A client that hears a tool of ours at work: its progress and its messages become MCP notifications."""

import asyncio
import warnings
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, get_args
from weakref import WeakKeyDictionary

from interlock.tools.mcp_package import mcp
from interlock.tools.telling import Level

_LEVELS: tuple[Level, ...] = get_args(Level)


def as_of_old(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call what the newest protocol version gives up, and clients of today still use (SEP-2577)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mcp("", "mcp.shared.exceptions").MCPDeprecationWarning)
        return call(*args, **options)


class Levels:
    """From which level on each client wants to hear messages."""

    def __init__(self) -> None:
        self._wanted: WeakKeyDictionary[Any, Level] = WeakKeyDictionary()

    def set(self, session: Any, level: Level) -> None:
        self._wanted[session] = level

    def wanted(self, session: Any, level: Level) -> bool:
        return _LEVELS.index(level) >= _LEVELS.index(self._wanted.get(session, "info"))


class Client:
    """The client that made one call (telling.Listener)."""

    def __init__(self, context: Any, levels: Levels) -> None:
        self._session, self._levels = context.session, levels
        self._request = context.request_id
        self._token = (context.meta or {}).get("progress_token")
        self._loop = asyncio.get_running_loop()
        self._sending: list[asyncio.Task[None]] = []

    def progress(self, done: float, total: float | None, message: str) -> None:
        if self._token is None:
            return
        request = str(self._request)
        notify = self._session.send_progress_notification
        self._send(partial(notify, self._token, done, total, message or None, request))

    def log(self, level: Level, message: str) -> None:
        if self._levels.wanted(self._session, level):
            send = self._session.send_log_message
            self._send(partial(as_of_old, send, level, message, related_request_id=self._request))

    async def heard(self) -> None:
        """Wait until everything is sent: a client listens to a call only until it is answered."""
        await asyncio.sleep(0)  # what other threads handed over comes first
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _send(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def start() -> None:
            self._sending.append(self._loop.create_task(make()))

        self._loop.call_soon_threadsafe(start)
