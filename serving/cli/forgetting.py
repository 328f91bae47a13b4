"""`memory forget`, `verify`, `hold`, `release`, `check`: what is erased, what must not be, and the proof of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, Tenant, User, existing_home, home_at
from interlock.serving.cli.output import Machine

if TYPE_CHECKING:
    from interlock.memory.receipts import Receipt, Verified
    from interlock.runtime.memories import Owner
    from interlock.serving.forgetting import Forgetting


WhoseServer = Annotated[
    str | None, typer.Option("--agent", help="By whose memory's Chroma server: a folder, or module:attr.")
]
_OUT_OF_REACH = "the server {} was told to erase and overwrite it; its files, log and backups were not searched"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for command in (forget, verify, export, hold, release, check, reindex):
        app.command()(command)


def forget(
    user: User,
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One memory; none: all held on the user.")] = None,
    query: Annotated[str | None, typer.Option(help="Those that answer this.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    receipt: Annotated[Path | None, typer.Option("--receipt", help="Write the signed receipt to this file.")] = None,
    tenant: Tenant = "default",
    agent: WhoseServer = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Erase what is held on a user, or one memory with every copy of it, and give a receipt that proves it."""
    machine = Machine(json)
    what = f"memory {id}" if id else f"what answers {query!r}" if query else "everything"
    if not yes:
        typer.confirm(f"Erase {what} held on user {user}?", abort=True, err=True)
    forgetting = _forgetting(home, agent)
    found = forgetting.forget(_owner(user, tenant), id=id, query=query)
    given = [one for one in (*found.finished, found.receipt) if one is not None]
    if receipt is not None and given:
        receipt.write_text(given[-1].model_dump_json(), encoding="utf-8")
    machine.write(found.model_dump(mode="json"))
    typer.echo(f"forgot {len(found.ids)} memories", err=True)
    for one in given:
        _tell(one)
    return 0


def _tell(receipt: "Receipt") -> None:
    """Say on stderr what a receipt says."""
    row = f"; row {receipt.row} of the journal says so" if receipt.row else ""
    typer.echo(f"{receipt.files} files, {receipt.size} bytes searched: nothing of it is left{row}", err=True)
    for name, count in receipt.elsewhere.items():
        typer.echo(f"{name} is none of what this erases, and holds {count} pieces of it", err=True)
    for url in receipt.servers:
        typer.echo(_OUT_OF_REACH.format(url), err=True)


def verify(
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="A file that `memory forget` wrote.")],
    also: Annotated[list[Path] | None, typer.Option("--also", help="A file outside the home; repeatable.")] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Search all bytes of the home's files for what a receipt says was erased; exit status 1 names where it is."""
    from interlock.memory.receipts import read_receipt
    from interlock.runtime.errors import BadInput
    from interlock.serving.forgetting import verify as verified

    machine = Machine(json)
    try:
        text = receipt.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(what=f"cannot read it: {error}", where=str(receipt), fix="give a receipt's file") from error
    forgetting = _forgetting(home)
    found = verified(forgetting.home, forgetting.store, read_receipt(text), elsewhere=also or ())
    machine.write(found.model_dump(mode="json"))
    if not json:
        _say(found)
    return 0 if found.ok else 1


def _say(found: "Verified") -> None:
    for name, count in found.found.items():
        typer.echo(f"{name}: {count} pieces of what was erased")
    if not found.signed:
        typer.echo("the receipt is not as this home signed it")
    if not found.on_record:
        typer.echo("the journal does not have the row that the receipt names")
    for url in found.servers:
        typer.echo(_OUT_OF_REACH.format(url))
    word = "nothing of it is left" if found.ok else "NOT proven"
    typer.echo(f"{found.files} files, {found.size} bytes searched: {word}")


def export(user: User, tenant: Tenant = "default", home: HomePath = None) -> int:
    """Write all that is held on a user as one JSON document: memories, threads, runs and approvals."""
    from interlock.serving.forgetting import holdings

    machine = Machine(True)
    forgetting = _forgetting(home)
    machine.write(holdings(forgetting.home, forgetting.store, _owner(user, tenant)))
    return 0


def hold(
    user: User,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why, such as the name of a case.")],
    tenant: Tenant = "default",
    home: HomePath = None,
) -> int:
    """Keep all that is held on a user from being erased or pruned."""
    from interlock.serving.forgetting import hold as held

    forgetting = _forgetting(home)
    held(forgetting.home, forgetting.store, _owner(user, tenant), reason)
    typer.echo(f"user {user} is on hold: {reason}", err=True)
    return 0


def release(user: User, tenant: Tenant = "default", home: HomePath = None) -> int:
    """End a hold."""
    from interlock.serving.forgetting import release as released

    forgetting = _forgetting(home)
    released(forgetting.home, forgetting.store, _owner(user, tenant))
    typer.echo(f"user {user} is no longer on hold", err=True)
    return 0


def check(
    user: Annotated[list[str] | None, typer.Option("--user", help="Whose memories to mend; repeatable.")] = None,
    tenant: Tenant = "default",
    agent: WhoseServer = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Finish erasures that were cut off, and mend what a crash left between a user's memories and their vectors."""
    machine = Machine(json)
    forgetting = _forgetting(home, agent)
    receipts = forgetting.finish()
    mended = {name: forgetting.store.mend(_owner(name, tenant)) for name in user or ()}
    machine.write({"finished": [one.model_dump(mode="json") for one in receipts], "mended": mended})
    typer.echo(f"finished {len(receipts)} erasures", err=True)
    for name, count in mended.items():
        typer.echo(f"user {name}: {count} vectors put in their place", err=True)
    return 0


def reindex(
    user: User, tenant: Tenant = "default", agent: WhoseServer = None, home: HomePath = None, json: AsJson = False
) -> int:
    """Make all of a user's vectors anew, such as after a change of the embedder or of the Chroma server."""
    from rich.console import Console
    from rich.progress import Progress

    machine = Machine(json)
    store = _forgetting(home, agent).store
    with Progress(console=Console(stderr=True)) as shown:
        task = shown.add_task("reading", total=None)
        count = store.reindex(_owner(user, tenant), lambda done, of: shown.update(task, completed=done, total=of))
    machine.write({"memories": count})
    typer.echo(f"made the vectors of {count} memories anew", err=True)
    return 0


def _forgetting(path: Path | None, agent: str | None = None) -> "Forgetting":
    from interlock.serving.forgetting import Forgetting
    from interlock.serving.memories import memory_of

    existing_home(path)
    home = home_at(path)
    return Forgetting(home=home, store=memory_of(agent).open(home.path, home.clock))


def _owner(user: str, tenant: str) -> "Owner":
    from interlock.runtime.memories import Owner

    return Owner(tenant=tenant, user=user)
