"""The tools of an MCP server, behind contracts. Needs the package `mcp` (the extra `mcp`)."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, cast

from interlock.runtime.contract import RESERVED, ToolContract
from interlock.runtime.records import ToolContext
from interlock.tools.adopting import adopted
from interlock.tools.decorator import NAME, check_promise
from interlock.tools.foreign import ForeignTool
from interlock.tools.mcp_package import mcp
from interlock.tools.places import Place
from interlock.tools.schemas import tidy

Ask = Callable[[Any], Coroutine[Any, Any, Any]]
"""What to do with the connected client."""
_CONNECTING_S: Final = 30.0
_PAGES: Final = 100
_CLOSED: Final = -32000
"""The code of the error by which the package tells that the server is gone."""


class McpError(Exception):
    """The server said that the call failed, or could not be reached."""


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What the deployer knows better than the server's hints; None: as the server says, else the worst."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None
    polling: bool = False
    sensitive: frozenset[str] = field(default_factory=frozenset[str])


class McpServer:
    """A connection to one MCP server, made when first needed and kept in a thread of its own.

    Args:
        url: where it serves streamable HTTP; or
        command: what starts it, to speak over stdin and stdout.
        environment: variables that the command gets beside a few harmless ones.
        trusted: whether its hints are believed. If not, each tool is taken at its worst.
        timeout: seconds for one call.
    """

    def __init__(
        self,
        url: str = "",
        *,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        trusted: bool = True,
        timeout: float = 30.0,
    ) -> None:
        if bool(url) == bool(command):
            raise ValueError("give either url or command")
        self.where = url or " ".join(command)
        mcp(f"MCP server {self.where}")
        self._trusted, self._timeout = trusted, timeout
        self._target: Callable[[], Any] = lambda: url or _started(command, environment)
        self._line: _Line | None = None
        self._guard = threading.Lock()

    def tools(
        self, *, only: Sequence[str] | None = None, prefix: str = "", hints: Mapping[str, Hints] | None = None
    ) -> list[ForeignTool]:
        """List the server's tools, as they are now.

        Args:
            only: names of those wanted; None: all.
            prefix: put before each name, so that two servers' tools do not meet.
            hints: by the server's name for a tool, what is known better.

        Raises:
            ContractBroken: a tool's name or schema cannot be used.
            McpError: the server cannot be reached.
        """
        found = self._connected().wait(_listed)
        wanted = [each for each in found if only is None or each.name in only]
        return [self._tool(each, prefix, (hints or {}).get(each.name, Hints())) for each in wanted]

    def close(self) -> None:
        """End the connection; the next call makes another."""
        with self._guard:
            line, self._line = self._line, None
        if line:
            line.close()

    def _connected(self) -> "_Line":
        with self._guard:
            if self._line is None or not self._line.alive:
                self._line = _Line(self._target, self.where)
            return self._line

    def _tool(self, found: Any, prefix: str, known: Hints) -> ForeignTool:
        place = Place(name=prefix + found.name, where=f"MCP server {self.where}")
        if place.name in RESERVED or not NAME.fullmatch(place.name):
            raise place.broken(
                "the name is reserved, or not one that models can call", "give a prefix, or leave it out"
            )
        contract = _contract(found, place, self._trusted, known, self._timeout)
        check_promise(contract, place)

        async def call(arguments: dict[str, Any], _context: ToolContext) -> Any:
            line = await asyncio.to_thread(self._connected)
            result = await line.call(lambda client: client.call_tool(found.name, arguments))
            return _value(result, structured=found.output_schema is not None)

        return ForeignTool(contract, call, place)


class _Line:
    """A thread with an event loop of its own, in which one client lives: calls come from any other loop."""

    def __init__(self, target: Callable[[], Any], where: str) -> None:
        self._ready: Future[Any] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, args=(target,), name="interlock-mcp", daemon=True)
        self._thread.start()
        try:
            self._client = self._ready.result(_CONNECTING_S)
        except Exception as error:
            self.close()
            raise McpError(f"the MCP server {where} cannot be reached: {_innermost(error)}") from error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._over.is_set()

    def wait(self, ask: Ask) -> Any:
        """Ask from a thread that has nothing else to do."""
        return asyncio.run_coroutine_threadsafe(self._asked(ask), self._loop).result(_CONNECTING_S)

    async def call(self, ask: Ask) -> Any:
        """Ask from another event loop; if the caller gives up, the server is told."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._asked(ask), self._loop))

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_CONNECTING_S)

    async def _asked(self, ask: Ask) -> Any:
        try:
            return await ask(self._client)
        except Exception as error:
            if getattr(error, "code", None) == _CLOSED:
                self._over.set()
            raise McpError(_innermost(error)) from error

    def _serve(self, target: Callable[[], Any]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._connect(target))
            except Exception as error:
                if not self._ready.done():
                    self._ready.set_exception(error)
            self._over.set()

    async def _connect(self, target: Callable[[], Any]) -> None:
        async with mcp("").Client(target()) as client:
            self._ready.set_result(client)
            await self._over.wait()


def _started(command: Sequence[str], environment: Mapping[str, str] | None) -> Any:
    return mcp("").StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment or {}))


async def _listed(client: Any) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _page in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _contract(found: Any, place: Place, trusted: bool, known: Hints, timeout: float) -> ToolContract:
    said = found.annotations if trusted else None
    read_only = _first(known.read_only, said and said.read_only_hint, False)
    return ToolContract(
        name=place.name,
        description=(found.description or found.title or found.name).strip(),
        arguments=adopted(found.input_schema),
        result=tidy(found.output_schema or {}),
        read_only=read_only,
        destructive=not read_only and _first(known.destructive, said and said.destructive_hint, True),
        idempotent=_first(known.idempotent, said and said.idempotent_hint, False),
        open_world=_first(known.open_world, said and said.open_world_hint, True),
        polling=known.polling and read_only,
        timeout_s=timeout,
        sensitive=known.sensitive,
    )


def _first(*values: bool | None) -> bool:
    return next(value for value in values if value is not None)


def _value(result: Any, *, structured: bool) -> Any:
    texts = [part.text for part in result.content if part.type == "text"]
    if result.is_error:
        raise McpError("\n".join(texts) or "the server says that the call failed")
    if structured or result.structured_content is not None:
        return result.structured_content
    if len(texts) == len(result.content):
        return "\n".join(texts)
    return [part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in result.content]


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
