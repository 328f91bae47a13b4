"""`mcp serve`: an agent's tools for other people's models."""

import asyncio
from typing import Annotated

import typer

from interlock.serving.cli.options import AgentName, HomePath, Roles, Tenant, User, caller_of, home_at
from interlock.serving.cli.output import close_the_back_door

app = typer.Typer(help="Serve an agent's tools over the Model Context Protocol.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Serve an agent's tools over the Model Context Protocol."""


@app.command()
def serve(
    agent: AgentName,
    http: Annotated[
        int | None, typer.Option("--http", metavar="PORT", help="Serve HTTP, not stdin and stdout.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    trusted: Annotated[bool, typer.Option("--trusted", help="Take arguments as the user's own words.")] = False,
    user: User = "anonymous",
    tenant: Tenant = "default",
    role: Roles = None,
    home: HomePath = None,
) -> int:
    """Serve an agent's tools: each call is decided on, approved where asked, and put on record as a run."""
    from interlock.serving.loading import load_graph
    from interlock.serving.mcp import over_http, over_stdio, served

    close_the_back_door()
    server = served(load_graph(agent), home_at(home), caller_of(user, tenant, role), trusted=trusted)
    if http is None:
        asyncio.run(over_stdio(server))
    else:
        typer.echo(f"serving {agent} at http://{host}:{http}/mcp", err=True)
        asyncio.run(over_http(server, host, http))
    return 0
