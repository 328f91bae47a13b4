"""`approvals`: see and answer what agents ask people."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, cast

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
def approvals(ctx: typer.Context, home: HomePath = None, json: AsJson = False) -> None:
    """List what waits, unless a verb is given."""
    if ctx.invoked_subcommand is None:
        list_(home=home, json=json)


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


@app.command()
def edit(
    id: Id,
    arguments: Annotated[str, typer.Argument(metavar="ARGUMENTS", help="What to do instead, as a JSON object.")],
    user: User,
    note: Note = "",
    tenant: Tenant = "default",
    role: Roles = None,
    no_resume: NoResume = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Put other arguments in place, and go on with the run: the policies decide on them again."""
    machine = Machine(json)
    opened = existing_home(home)
    approval = opened.approvals.edit(id, _object(arguments), by=caller_of(user, tenant, role), note=note)
    return _go_on(opened, approval, no_resume, machine)


@app.command()
def settle(
    id: Id,
    answer: Annotated[str, typer.Argument(metavar="happened|again|leave", help="What has become of it.")],
    user: User,
    note: Note = "",
    tenant: Tenant = "default",
    role: Roles = None,
    no_resume: NoResume = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Answer for an effect in doubt, and go on with the run: it happened, do it again, or leave it."""
    from interlock.runtime.errors import BadInput

    machine = Machine(json)
    opened, by = existing_home(home), caller_of(user, tenant, role)
    if answer not in ("happened", "again", "leave"):
        raise BadInput(what=f"no answer {answer!r}", where="settle", fix="one of happened, again, leave")
    if answer == "happened":
        approval = opened.approvals.happened(id, by=by, note=note)
    else:
        approval = opened.approvals.answer(id, approve=answer == "again", by=by, note=note)
    return _go_on(opened, approval, no_resume, machine)


@app.command()
def resume(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="A thread whose approvals are answered.")],
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Go on with a thread whose approvals were answered, where the process that went on was cut off."""
    from interlock.runtime.errors import BadInput, NotFound

    machine = Machine(json)
    opened = existing_home(home)
    asked = opened.approvals.list(state=None, thread=thread)
    if not asked:
        raise NotFound(what=f"nothing was asked on thread {thread!r}", where=str(opened.path), fix="`interlock run`")
    if not asked[-1].source:
        raise BadInput(
            what=f"thread {thread!r} {_how_it_goes_on(asked[-1])}",
            where=str(opened.path),
            fix="resume it there",
        )
    return _resume(opened, asked[-1], machine)


@app.command()
def remind(
    after: Annotated[float, typer.Option("--after", help="Hours since it was asked, or last reminded of.")] = 4.0,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Put reminders on record for what waits, and end what has waited too long. For a clock to call."""
    from interlock.runtime.gate.reminders import sweep

    machine = Machine(json)
    reminded, expired = sweep(existing_home(home), after_s=after * 3600)
    machine.write({"reminded": [a.shown() for a in reminded], "expired": [a.shown() for a in expired]})
    for approval in reminded:
        typer.echo(f"waits: {approval.id} {approval.tool} {approval.arguments}", err=True)
    for approval in expired:
        typer.echo(f"expired: {approval.id} {approval.tool} {approval.arguments}", err=True)
    return 0


def _object(text: str) -> dict[str, Any]:
    from json import JSONDecodeError, loads

    from interlock.runtime.errors import BadInput

    try:
        found: Any = loads(text)
    except JSONDecodeError as error:
        raise BadInput(what=f"not JSON: {error}", where="ARGUMENTS", fix="""write '{"order_id": 7}'""") from error
    if not isinstance(found, dict):
        raise BadInput(what="not a JSON object", where="ARGUMENTS", fix="""write '{"order_id": 7}'""")
    return cast(dict[str, Any], found)


def _answer(approve: bool, id: str, note: str, by: Any, no_resume: bool, home: Any, json: bool) -> int:
    machine = Machine(json)
    opened = existing_home(home)
    approval = opened.approvals.answer(id, approve=approve, by=by, note=note)
    return _go_on(opened, approval, no_resume, machine)


def _go_on(home: "Home", approval: "Approval", no_resume: bool, machine: Machine) -> int:
    """Go on with the run, unless more people must approve."""
    typer.echo(f"{approval.state} {approval.tool} {approval.arguments} for user {approval.user}", err=True)
    if approval.state == "pending":
        machine.write(approval.shown())
        typer.echo(f"approved by {len(approval.approved_by)} of {approval.quorum}; it still waits", err=True)
        return EXIT["waiting"]
    if no_resume or not approval.source:
        machine.write(approval.shown())
        typer.echo(f"thread {approval.thread} {_how_it_goes_on(approval)}", err=True)
        return 0
    return _resume(home, approval, machine)


def _how_it_goes_on(approval: "Approval") -> str:
    from interlock.graphs.served import THREADS

    if approval.source:
        return "can go on"
    served = approval.thread.startswith(THREADS)
    return "goes on with the next same call" if served else "goes on in the program that made its graph"


def _resume(home: "Home", approval: "Approval", machine: Machine) -> int:
    """Go on with the run in this process, as the user whom it is for."""
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
