"""An MCP server for the tests, over stdio."""

import os
import time
from importlib import import_module
from typing import Annotated, Any

from pydantic import Field

ToolAnnotations: Any = import_module("mcp.types").ToolAnnotations
server: Any = import_module("mcp.server.mcpserver").MCPServer("example")


def add(left: Annotated[int, Field(description="First summand.")], right: int = 1) -> int:
    """Add two numbers."""
    return left + right


def shout(text: str) -> str:
    """Shout."""
    if not text:
        raise ValueError("nothing to shout")
    return text.upper()


def sleep(seconds: float) -> None:
    """Sleep."""
    time.sleep(seconds)


def leave() -> None:
    """End the server."""
    os._exit(3)


server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))(add)
server.tool()(shout)
server.tool(annotations=ToolAnnotations(destructive_hint=False, idempotent_hint=True))(sleep)
server.tool()(leave)

if __name__ == "__main__":
    server.run(transport="stdio")
