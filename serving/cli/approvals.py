"""`approvals`: see and answer what agents ask people."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.serving.cli.options import AsJson, HomePath, Roles, Tenant, User, caller_of, existing_home
from interlock.serving.cli.output import EXIT, Machine, close_the_back_door, table

if TYPE_CHECKING:
    from interlock.runtime.gate.approvals import Approval
    from interlock.runtime.home import Home

app = typer.Typer(help="See and answer what agents ask people.", invoke_without_command=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The approval's id.")]
Note = Annotated[str, typer.Option("--note", help="Why; the model is told when it is denied.")]
NoResume = Annotated[bool, typer.Option("--no-resume", help="Only answer; let another process go on with the run.")]


@app.callback()
def approvals(ctx: typer.Context) -> None:
    """List what waits, unless a verb is given."""
    if ctx.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(
    all: Annotated[bool, typer.Option("--all", help="Answered and expired ones, too.")] = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """List the approvals that wait."""
    machine = Machine(json)
    found = existing_home(home).approvals.list(state=None if all else "pending")
    machine.write([approval.shown() for approval in found])
    if not json:
        rows = [
            [a.id, a.state, a.tool, a.arguments, a.decision.reason, a.user, f"{a.asked_at:%Y-%m-%d %H:%M}"]
            for a in found
        ]
        table("approvals", ["id", "state", "tool", "arguments", "reason", "for user", "asked"], rows)
    return 0


@app.command()
def show(id: Id, home: HomePath = None, json: AsJson = False) -> int:
    """Show exactly what one approval is about."""
    machine = Machine(json)
    found = existing_home(home).approvals.get(id).shown()
    machine.write(found)
    if not json:
        for name, value in found.items():
            typer.echo(f"{name:12} {value}")
    return 0


@app.command()
def approve(
    id: Id,
    user: User,
    note: Note = "",
    tenant: Tenant = "default",
    role: Roles = None,
    no_resume: NoResume = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Approve, and go on with the run."""
    return _answer(True, id, note, caller_of(user, tenant, role), no_resume, home, json)


@app.command()
def deny(
    id: Id,
    user: User,
    note: Note = "",
    tenant: Tenant = "default",
    role: Roles = None,
    no_resume: NoResume = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Deny, and go on with the run, which is told why."""
    return _answer(False, id, note, caller_of(user, tenant, role), no_resume, home, json)


def _answer(approve: bool, id: str, note: str, by: Any, no_resume: bool, home: Any, json: bool) -> int:
    machine = Machine(json)
    opened = existing_home(home)
    approval = opened.approvals.answer(id, approve=approve, by=by, note=note)
    typer.echo(f"{approval.state} {approval.tool} {approval.arguments} for user {approval.user}", err=True)
    if no_resume or not approval.source:
        machine.write(approval.shown())
        typer.echo(f"thread {approval.thread} can go on", err=True)
        return 0
    return _resume(opened, approval, machine)


def _resume(home: "Home", approval: "Approval", machine: Machine) -> int:
    from interlock.serving.loading import load_graph
    from interlock.serving.session import Session

    close_the_back_door()
    session = Session(
        load_graph(approval.source), home=home, thread=approval.thread, user=approval.user, tenant=approval.tenant
    )

    async def go_on() -> Any:
        async with session:
            return await session.resume()

    reply = asyncio.run(go_on())
    machine.write(reply.model_dump(mode="json"))
    if not machine.on:
        typer.echo(reply.text)
    return EXIT[reply.status]
