"""MCP in both directions: a server's tools behind contracts, and our tools served."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ArgumentsRefused, ContractBroken, ToolFailed
from interlock.runtime.ports import Tool, ToolOutcome
from interlock.runtime.records import Caller, Label, ToolCall, ToolContext
from interlock.tools import log, progress, tool
from interlock.tools.mcp_client import Hints, McpError, McpServer
from interlock.tools.mcp_server import mcp_server

mcp: Any = pytest.importorskip("mcp")

CONTEXT = ToolContext(caller=Caller(), run="r1", thread="t1", idempotency_key="k1")
EXAMPLE = [sys.executable, str(Path(__file__).parent / "mcp_example.py")]


@pytest.fixture(scope="module")
def server() -> Iterator[McpServer]:
    server = McpServer(command=EXAMPLE, environment={"PYTHONPATH": ":".join(sys.path)}, timeout=5)
    yield server
    server.close()


@pytest.fixture(scope="module")
def tools(server: McpServer) -> dict[str, Tool]:
    return {each.contract.name: each for each in server.tools()}


def test_a_servers_tools_become_contracts(tools: dict[str, Tool]) -> None:
    add = tools["add"].contract

    assert add.description == "Add two numbers."
    assert add.arguments == {
        "type": "object",
        "additionalProperties": False,
        "required": ["left"],
        "properties": {
            "left": {"type": "integer", "description": "First summand."},
            "right": {"type": "integer", "default": 1},
        },
    }


def hints(each: Tool) -> tuple[bool, bool, bool, bool]:
    promise = each.contract
    return promise.read_only, promise.destructive, promise.idempotent, promise.open_world


def test_hints_are_taken_over_and_what_is_not_said_is_the_worst(tools: dict[str, Tool]) -> None:
    assert hints(tools["add"]) == (True, False, False, False)
    assert hints(tools["sleep"]) == (False, False, True, True)
    assert hints(tools["shout"]) == (False, True, False, True)


def test_the_deployer_knows_better_than_the_server(server: McpServer) -> None:
    (add,) = server.tools(only=["add"], prefix="math_", hints={"add": Hints(open_world=True)})

    assert (add.contract.name, hints(add)) == ("math_add", (True, False, False, True))


def test_a_server_that_is_not_trusted_is_taken_at_its_worst() -> None:
    server = McpServer(command=EXAMPLE, environment={"PYTHONPATH": ":".join(sys.path)}, trusted=False)
    try:
        assert {hints(each) for each in server.tools()} == {(False, True, False, True)}
    finally:
        server.close()


async def test_a_servers_tool_is_checked_and_run_like_any_other(tools: dict[str, Tool]) -> None:
    add, shout = tools["add"], tools["shout"]

    assert await add.run(add.check({"left": 41}), CONTEXT) == {"result": 42}
    assert await shout.run({"text": "hey"}, CONTEXT) == {"result": "HEY"}
    with pytest.raises(ArgumentsRefused, match="argument 'left' is missing"):
        add.check({})
    with pytest.raises(ToolFailed, match="Error executing tool shout") as raised:
        await shout.run({"text": ""}, CONTEXT)
    assert raised.value.happened == "maybe"


def test_one_connection_serves_one_event_loop_after_another(tools: dict[str, Tool]) -> None:
    add = tools["add"]

    assert [asyncio.run(add.run({"left": number}, CONTEXT)) for number in (1, 2)] == [{"result": 2}, {"result": 3}]


async def test_a_call_that_takes_too_long_is_given_up(server: McpServer) -> None:
    quick = McpServer(command=EXAMPLE, environment={"PYTHONPATH": ":".join(sys.path)}, timeout=0.2)
    try:
        (sleep,) = await asyncio.to_thread(lambda: quick.tools(only=["sleep"]))
        with pytest.raises(ToolFailed, match=r"no answer within 0\.2 s"):
            await sleep.run({"seconds": 2}, CONTEXT)
    finally:
        await asyncio.to_thread(quick.close)


def test_a_server_that_cannot_be_started_is_named() -> None:
    with pytest.raises(McpError, match="the MCP server no-such-command cannot be reached"):
        McpServer(command=["no-such-command"]).tools()


def test_a_name_that_models_cannot_call_is_refused(server: McpServer) -> None:
    with pytest.raises(ContractBroken, match="the name is reserved, or not one that models can call"):
        server.tools(prefix="a b ")


@tool(read_only=True)
def double(number: int) -> int:
    """Double it."""
    return 2 * number


class Direct:
    """A toolbox without a gate: it keeps what it was asked."""

    def __init__(self) -> None:
        self.labels: list[Label] = []

    async def call(self, call: ToolCall, *, at: str, label: Label) -> ToolOutcome:
        self.labels.append(label)
        try:
            value = await double.run(double.check(call.arguments), CONTEXT)
        except ArgumentsRefused as refused:
            return ToolOutcome(call=call, ok=False, content=str(refused))
        return ToolOutcome(call=call, ok=True, content=str(value), value=value)


async def test_our_tools_are_served_through_their_toolbox() -> None:
    toolbox = Direct()
    served = mcp_server("ours", [double.contract], toolbox, ManualClock())

    async with mcp.Client(served) as client:
        listed = (await client.list_tools()).tools[0]
        answer = await client.call_tool("double", {"number": 21})
        refused = await client.call_tool("double", {"numbr": 21})

    assert (listed.name, listed.annotations.read_only_hint, listed.input_schema["required"]) == (
        "double",
        True,
        ["number"],
    )
    assert (answer.structured_content, answer.is_error) == ({"result": 42}, False)
    assert refused.is_error and "did you mean 'number'" in refused.content[0].text
    assert toolbox.labels[0] == Label(integrity="untrusted", sources=("mcp",))


async def test_what_is_not_served_cannot_be_called() -> None:
    served = mcp_server("ours", [], Direct(), ManualClock())

    async with mcp.Client(served) as client:
        answer = await client.call_tool("double", {"number": 21})
    assert answer.is_error and answer.content[0].text == "there is no tool 'double'"


@tool(read_only=True)
def picture() -> list[dict[str, Any]]:
    """Show a dot."""
    progress(1, 2, "half")
    log("not wanted", "debug")
    log("wanted")
    return [{"type": "image", "data": "AAAA", "mimeType": "image/png"}, {"type": "text", "text": "a dot"}]


class Speaking:
    """A toolbox without a gate."""

    async def call(self, call: ToolCall, *, at: str, label: Label) -> ToolOutcome:
        return ToolOutcome(call=call, ok=True, content="", value=await picture.run({}, CONTEXT))


async def test_a_client_hears_a_tool_at_work_and_gets_media_for_what_it_is() -> None:
    heard: list[Any] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total, message))

    async def logged(params: Any) -> None:
        heard.append((params.level, params.data))

    served = mcp_server("ours", [picture.contract], Speaking(), ManualClock())
    async with mcp.Client(served, logging_callback=logged, mode="legacy") as client:
        answer = await client.call_tool("picture", {}, progress_callback=note)

    assert [part.type for part in answer.content] == ["image", "text"]
    assert sorted(heard, key=str) == [("info", "wanted"), (1, 2, "half")]


async def test_a_server_that_went_away_is_started_again() -> None:
    server = McpServer(command=EXAMPLE, environment={"PYTHONPATH": ":".join(sys.path)}, timeout=5)
    try:
        tools = {each.contract.name: each for each in await asyncio.to_thread(server.tools)}
        with pytest.raises(ToolFailed):
            await tools["leave"].run({}, CONTEXT)
        assert await tools["add"].run({"left": 1}, CONTEXT) == {"result": 2}
    finally:
        await asyncio.to_thread(server.close)


async def test_our_tools_are_served_and_used_over_http() -> None:
    uvicorn: Any = pytest.importorskip("uvicorn")
    app = mcp_server("ours", [double.contract], Direct(), ManualClock()).streamable_http_app()
    listening = socket.create_server(("127.0.0.1", 0))
    http = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    serving = asyncio.create_task(http.serve(sockets=[listening]))
    client = McpServer(url=f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
    try:
        (used,) = await asyncio.to_thread(client.tools)
        assert await used.run({"number": 4}, CONTEXT) == {"result": 8}
        assert hints(used) == (True, False, False, False)
    finally:
        await asyncio.to_thread(client.close)
        http.should_exit = True
        await serving
