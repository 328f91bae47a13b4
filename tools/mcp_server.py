"""Serve an agent's tools to MCP clients, through the gate. Needs the package `mcp` (the extra `mcp`)."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any, Final, Protocol

from pydantic import TypeAdapter, ValidationError

from interlock.runtime.clock import Clock
from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.runtime.ports import ToolOutcome
from interlock.runtime.records import Label, ToolCall
from interlock.tools.mcp_listening import Client, Levels, as_of_old
from interlock.tools.mcp_package import mcp
from interlock.tools.telling import heard_by

_MEDIA: Final = ("image", "audio", "resource", "resource_link")
REMOTE: Final = Label(integrity="untrusted", sources=("mcp",))
"""Arguments come from a model that is not ours."""


class Passage(Protocol):
    """The part of `ports.Toolbox` that a server needs."""

    async def call(self, call: ToolCall, *, at: str, label: Label) -> ToolOutcome: ...


def mcp_server(
    name: str, contracts: Sequence[ToolContract], toolbox: Passage, clock: Clock, *, label: Label = REMOTE
) -> Any:
    """Make an `mcp.server.Server`, to be run over stdio, or as an ASGI app by its `streamable_http_app()`.

    Args:
        name: what the server calls itself.
        contracts: the tools to show, of those in the toolbox.
        toolbox: behind which stands the gate: every call is decided on, paid for and put on record there.
        clock: gives each call its id.
        label: how far what chooses the arguments may be trusted.
    """
    types = mcp(name, "mcp.types")
    shown = {each.name: each for each in contracts}
    calls, levels = count(1), Levels()

    async def listed(_context: Any, _params: Any) -> Any:
        return types.ListToolsResult(tools=[_described(types, each) for each in contracts])

    async def called(context: Any, params: Any) -> Any:
        if params.name not in shown:
            return _told(types, f"there is no tool {params.name!r}")
        call = ToolCall(id=clock.new_id(), tool=params.name, arguments=params.arguments or {})
        client = Client(context, levels)
        with heard_by(client):
            outcome = await toolbox.call(call, at=f"mcp:{next(calls)}", label=label)
        await client.heard()
        return _answer(types, shown[params.name], outcome)

    async def level_set(context: Any, params: Any) -> Any:
        levels.set(context.session, params.level)
        return types.EmptyResult()

    server = mcp(name, "mcp.server").Server
    return as_of_old(server, name, on_list_tools=listed, on_call_tool=called, on_set_logging_level=level_set)


def _described(types: Any, contract: ToolContract) -> Any:
    return types.Tool(
        name=contract.name,
        description=contract.description,
        input_schema=contract.arguments,
        output_schema=_object(contract.result),
        annotations=types.ToolAnnotations(
            read_only_hint=contract.read_only,
            destructive_hint=contract.destructive,
            idempotent_hint=contract.idempotent,
            open_world_hint=contract.open_world,
        ),
    )


def _answer(types: Any, contract: ToolContract, outcome: ToolOutcome) -> Any:
    if not outcome.ok:
        return _told(types, outcome.content)
    value = outcome.value if contract.result.get("type") == "object" else {"result": outcome.value}
    content = _content(types, outcome.value)
    if content is None:
        content = [types.TextContent(type="text", text=json.dumps(outcome.value, ensure_ascii=False))]
    return types.CallToolResult(content=content, structured_content=value)


def _content(types: Any, value: Any) -> list[Any] | None:
    """Take a result that is media, written as MCP writes it, for what it is; None where it is anything else."""
    parts: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    if not any(isinstance(part, dict) and part.get("type") in _MEDIA for part in parts):  # pyright: ignore[reportUnknownMemberType]
        return None
    try:
        block: TypeAdapter[Any] = TypeAdapter(types.ContentBlock)
        return [block.validate_python(part) for part in parts]
    except ValidationError:
        return None


def _told(types: Any, why: str) -> Any:
    return types.CallToolResult(content=[types.TextContent(type="text", text=why)], is_error=True)


def _object(schema: JsonSchema) -> JsonSchema:
    """Wrap what is no object: clients of older protocol versions take nothing else as a structured result."""
    if schema.get("type") == "object":
        return schema
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    inner = {key: part for key, part in schema.items() if key != "$defs"}
    return {"type": "object", "properties": {"result": inner}, "required": ["result"], **definitions}
