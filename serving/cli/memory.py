"""`memory`: what is remembered of a user, and what is forgotten."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.serving.cli.options import AsJson, HomePath, Tenant, User, existing_home
from interlock.serving.cli.output import Machine, table

if TYPE_CHECKING:
    from interlock.memory.store import Store
    from interlock.runtime.memories import Owner

app = typer.Typer(help="See and rule what is remembered of a user.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="A memory's id.")]


@app.command("list")
def list_(
    user: User,
    tenant: Tenant = "default",
    all: Annotated[bool, typer.Option("--all", help="Closed and expired ones, too.")] = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """List what is remembered of a user, newest first."""
    machine = Machine(json)
    found = _store(home).list(_owner(user, tenant), everything=all)
    machine.write([record.model_dump(mode="json") for record in found])
    if not json:
        rows = [[r.id, r.kind, r.text, f"{r.learned_at:%Y-%m-%d %H:%M}"] for r in found]
        table(f"memories of {user}", ["id", "kind", "text", "learned"], rows)
    return 0


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    user: User,
    tenant: Tenant = "default",
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Find what an agent would recall for a query, and why."""
    machine = Machine(json)
    found = _store(home).search(query, _owner(user, tenant))
    machine.write(found.model_dump(mode="json"))
    if not json:
        table(
            f"recalled for {query!r}",
            ["id", "score", "text", "why"],
            [[item.id, f"{item.score:.3f}", item.text, item.why] for item in found.items],
        )
    return 0


@app.command()
def show(id: Id, user: User, tenant: Tenant = "default", home: HomePath = None, json: AsJson = False) -> int:
    """Show all that is known of one memory."""
    machine = Machine(json)
    found = _store(home).show(id, _owner(user, tenant)).model_dump(mode="json")
    machine.write(found)
    if not json:
        for name, value in found.items():
            typer.echo(f"{name:14} {value}")
    return 0


@app.command()
def forget(
    user: User,
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One memory; none: all of the user's.")] = None,
    query: Annotated[str | None, typer.Option(help="Those that answer this.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tenant: Tenant = "default",
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Erase memories of a user."""
    machine = Machine(json)
    store, owner = _store(home), _owner(user, tenant)
    what = f"memory {id}" if id else f"what answers {query!r}" if query else "everything"
    if not yes:
        typer.confirm(f"Erase {what} remembered of user {user}?", abort=True, err=True)
    found = store.forget(owner, id=id, query=query)
    machine.write(found.model_dump(mode="json"))
    typer.echo(f"forgot {len(found.ids)}", err=True)
    return 0


@app.command()
def prune(
    user: User,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
    tenant: Tenant = "default",
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Remove what has expired."""
    machine = Machine(json)
    found = _store(home).prune(_owner(user, tenant), dry_run=dry_run)
    machine.write(found.model_dump(mode="json"))
    if not json:
        table("pruned", ["id", "code", "reason"], [[r.id, r.code, r.reason] for r in found.removed])
    return 0


@app.command()
def stats(user: User, tenant: Tenant = "default", home: HomePath = None, json: AsJson = False) -> int:
    """Count what is remembered of a user."""
    machine = Machine(json)
    found = _store(home).stats(_owner(user, tenant)).model_dump(mode="json")
    machine.write(found)
    if not json:
        for name, value in found.items():
            typer.echo(f"{name:12} {value}")
    return 0


def _store(home: Any) -> "Store":
    from interlock.memory import Memory

    opened = existing_home(home)
    return Memory().open(opened.path, opened.clock)


def _owner(user: str, tenant: str) -> "Owner":
    from interlock.runtime.memories import Owner

    return Owner(tenant=tenant, user=user)
