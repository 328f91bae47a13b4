"""`run`, `chat` and `graph`."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.serving.cli.options import AgentName, AsJson, HomePath, Model, Roles, Tenant, Thread, User, home_at
from interlock.serving.cli.output import EXIT, Machine, close_the_back_door

if TYPE_CHECKING:
    from interlock.serving.replies import Reply
    from interlock.serving.session import Session


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(run)
    app.command()(chat)
    app.command()(graph)


def run(
    agent: AgentName,
    text: Annotated[str, typer.Argument(help="What to ask.")],
    thread: Thread = None,
    user: User = "anonymous",
    tenant: Tenant = "default",
    role: Roles = None,
    model: Model = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Ask an agent once and print its reply."""
    machine = Machine(json)
    session = _session(agent, thread, user, tenant, role, model, home)
    reply = session.say(text)
    machine.write(reply.model_dump(mode="json"))
    if not json:
        show_reply(reply)
    return EXIT[reply.status]


def chat(
    agent: AgentName,
    thread: Thread = None,
    user: User = "anonymous",
    tenant: Tenant = "default",
    role: Roles = None,
    model: Model = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Talk with an agent; an empty line or end of input leaves. With --json each reply is a line of JSON."""
    machine = Machine(json)
    session = _session(agent, thread, user, tenant, role, model, home)
    typer.echo(f"thread {session.thread}; an empty line leaves", err=True)
    return asyncio.run(_talk(session, machine))


async def _talk(session: "Session", machine: Machine) -> int:
    from interlock.runtime.errors import BadInput

    async with session:
        while True:
            try:
                text = await asyncio.to_thread(_line)
            except EOFError:
                return 0
            if not text.strip():
                return 0
            try:
                reply = await session.send(text)
                machine.write(reply.model_dump(mode="json"))
                if not machine.on:
                    show_reply(reply)
            except BadInput as error:
                typer.echo(f"interlock: {error.code}: {error}", err=True)


def _line() -> str:
    """Read a line; who types it is asked on stderr, for stdout holds replies alone."""
    if sys.stdin.isatty():
        typer.echo("you> ", nl=False, err=True)
    return input()


def graph(
    agent: AgentName,
    json: AsJson = False,
) -> int:
    """Draw an agent's graph as Mermaid text."""
    from interlock.serving.loading import load_graph

    machine = Machine(json)
    drawn = load_graph(agent).get_graph(xray=True)
    machine.write(drawn.to_json())
    if not json:
        typer.echo(drawn.draw_mermaid())
    return 0


def _session(
    agent: str,
    thread: str | None,
    user: str,
    tenant: str,
    role: list[str] | None,
    model: str | None,
    home: Any,
) -> "Session":
    from interlock.serving.loading import load_graph
    from interlock.serving.session import Session

    close_the_back_door()
    graph = load_graph(agent, model=model)
    return Session(graph, home=home_at(home), thread=thread, user=user, tenant=tenant, roles=tuple(role or ()))


def show_reply(reply: "Reply") -> None:
    """Print a reply, and how to answer what it waits for."""
    typer.echo(reply.text)
    for approval in reply.approvals:
        roles = "".join(f" --role {role}" for role in approval["roles"][:1])
        typer.echo(f"  answer it: interlock approvals approve {approval['id']} --user SOMEONE{roles}", err=True)
    usage = reply.usage
    price = "price unknown" if usage.usd is None else f"{usage.usd} USD"
    typer.echo(
        f"[{reply.status}] run {reply.run} · {usage.model_calls} model calls, {usage.tool_calls} tool calls, "
        f"{usage.input_tokens + usage.output_tokens} tokens, {price}, {usage.seconds:.2f} s",
        err=True,
    )
