"""Give a result again, to whom it may be given."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic_core import from_json, to_json

from interlock.runtime.bills import waive
from interlock.runtime.clock import Clock
from interlock.runtime.contract import ToolContract
from interlock.runtime.records import ToolContext

_LARGEST: Final = 16_000_000
"""Bytes of results that are kept for one tool."""
Key = tuple[bytes, ...]


class Cache:
    """Keeps results by tool version, arguments and who asked: no user is given what another was told."""

    def __init__(
        self,
        run: Callable[[dict[str, Any], ToolContext], Awaitable[Any]],
        contract: ToolContract,
        clock: Clock,
        *,
        seconds: float,
        shared: str,
    ) -> None:
        self._run, self._contract, self._clock = run, contract, clock
        self._seconds, self._shared = seconds, shared
        self._kept: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()
        self._size = 0

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        key = self._key(arguments, context)
        until, data = self._kept.get(key, (0.0, b""))
        if data and self._clock.monotonic() < until:
            waive()
            return from_json(data)
        value = await self._run(arguments, context)
        self._keep(key, to_json(value))
        return value

    def _key(self, arguments: dict[str, Any], context: ToolContext) -> Key:
        caller = context.caller
        whose = [caller.tenant, caller.user, sorted(caller.roles)] if self._shared == "user" else None
        what = [self._contract.name, self._contract.version, dict(sorted(arguments.items()))]
        return to_json(what), to_json(whose)

    def _keep(self, key: Key, data: bytes) -> None:
        self._forget(key)
        self._kept[key] = (self._clock.monotonic() + self._seconds, data)
        self._size += len(data)
        while self._size > _LARGEST:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        _until, data = self._kept.pop(key, (0.0, b""))
        self._size -= len(data)
