"""Serve an agent's tools to MCP clients, over stdin and stdout or over HTTP."""

import os
import sys
from typing import Any

from interlock.graphs.patterns import Compiled, assembly_of
from interlock.graphs.served import Served
from interlock.runtime.errors import BadInput
from interlock.runtime.home import Home
from interlock.runtime.records import Caller, Label
from interlock.tools.mcp_package import mcp
from interlock.tools.mcp_server import REMOTE, mcp_server

TRUSTED = Label(sources=("mcp",))
"""The client's model is as good as ours, and read nothing but what its user said."""


def served(graph: Compiled, home: Home, caller: Caller, *, trusted: bool = False) -> Any:
    """Make an `mcp.server.Server` of a graph's tools. Policies, budgets, approvals and the journal are the agent's own.

    Args:
        caller: for whom all calls are made.
        trusted: whether what the client passes counts as the user's own words.

    Raises:
        BadInput: the graph was not made by Interlock.
        ContractBroken: the package `mcp` is not installed.
    """
    assembly = assembly_of(graph)
    if assembly is None:
        raise BadInput(what="the graph was not made by Interlock", where="served(graph)", fix="use interlock.graphs")
    assembly.source = ""  # an answered approval is gone on with by the client's next call, not by who answers
    toolbox = Served(assembly, home, caller)
    label = TRUSTED if trusted else REMOTE
    return mcp_server(assembly.agent.name, assembly.contracts, toolbox, home.clock, label=label)


async def over_stdio(server: Any) -> None:
    """Serve one client on stdin and stdout until it leaves. What tools print goes to stderr."""
    import anyio

    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    out = anyio.wrap_file(os.fdopen(kept, "w", encoding="utf-8"))
    async with mcp("stdio", "mcp.server.stdio").stdio_server(stdout=out) as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def over_http(server: Any, host: str, port: int) -> None:
    """Serve streamable HTTP at `/mcp` until stopped. Whoever reaches the port can call: put a guard before it."""
    uvicorn = mcp("streamable HTTP", "uvicorn")
    app = server.streamable_http_app(host=host)
    await uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", ws="none")).serve()
