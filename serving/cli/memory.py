"""`memory`: what is remembered of a user, and what is forgotten."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.runtime.memories import Kind, Sensitivity, Speaker
from interlock.serving.cli import embedding, forgetting
from interlock.serving.cli.learning import learn
from interlock.serving.cli.options import (
    AsJson,
    HomePath,
    Roles,
    Tenant,
    User,
    caller_of,
    existing_home,
    home_at,
)
from interlock.serving.cli.output import Machine, table

if TYPE_CHECKING:
    from interlock.memory.store import Store
    from interlock.runtime.memories import Owner, Slot

app = typer.Typer(help="See and rule what is remembered of a user.", no_args_is_help=True)
forgetting.register(app)
app.command()(learn)
embedding.register(app)

Id = Annotated[str, typer.Argument(metavar="ID", help="A memory's id.")]
OfAgent = Annotated[str | None, typer.Option("--agent", help="By whose policies: a folder, or module:attr.")]


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
        now = existing_home(home).clock.now()
        rows = [[r.id, r.kind, r.state(now), r.text, f"{r.learned_at:%Y-%m-%d %H:%M}"] for r in found]
        table(f"memories of {user}", ["id", "kind", "state", "text", "learned"], rows)
    return 0


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    user: User,
    tenant: Tenant = "default",
    role: Roles = None,
    agent: OfAgent = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Find what an agent would recall for a query, why, and what is withheld by which rule."""
    machine = Machine(json)
    found = _store(home, agent).search(query, _owner(user, tenant), roles=role or ())
    machine.write(found.model_dump(mode="json"))
    if not json:
        for held in found.withheld:
            typer.echo(f"withheld: {held.id} by {held.rule}")
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
def explain(
    text: Annotated[str, typer.Argument(help="What would be remembered.")],
    user: User,
    tenant: Tenant = "default",
    role: Roles = None,
    agent: OfAgent = None,
    kind: Annotated[Kind, typer.Option(help="What it is.")] = "fact",
    speaker: Annotated[Speaker, typer.Option(help="Who says it.")] = "user",
    untrusted: Annotated[bool, typer.Option("--untrusted", help="As text that nobody vouches for.")] = False,
    source: Annotated[list[str] | None, typer.Option(help="Where it came from, such as a tool; repeatable.")] = None,
    slot: Annotated[str, typer.Option(help="What of whom it tells, as subject/attribute.")] = "",
    sensitivity: Annotated[Sensitivity, typer.Option(help="How private it is.")] = "normal",
    confidence: Annotated[float, typer.Option(min=0, max=1, help="How sure it is.")] = 1.0,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Tell what would become of a text, and by which rule; nothing is written."""
    from interlock.runtime.memories import Note
    from interlock.runtime.records import Label
    from interlock.serving.memories import explained

    machine = Machine(json)
    note = Note(
        text=text,
        kind=kind,
        said_by=speaker,
        slot=_slot(slot),
        sensitivity=sensitivity,
        confidence=confidence,
        label=Label(integrity="untrusted" if untrusted else "trusted", sources=tuple(source or ())),
    )
    found = explained(note, home=home_at(home).path, agent=agent, caller=caller_of(user, tenant, role))
    machine.write(found.model_dump(mode="json"))
    if not json:
        typer.echo(f"{'kept' if found.kept else 'not kept'} ({found.code}): {found.reason}")
        for id in found.replaced:
            typer.echo(f"  would end {id}")
        for id in found.conflicts:
            typer.echo(f"  says otherwise than {id}")
    return 0


@app.command()
def prune(
    user: User,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
    tenant: Tenant = "default",
    agent: OfAgent = None,
    policy: Annotated[Path | None, typer.Option(help="A prune policy in YAML, instead of the agent's.")] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Erase, merge and sum up what the policy says; without one, erase what has expired."""
    from interlock.memory.policies import PrunePolicy

    machine = Machine(json)
    own = PrunePolicy.load(policy) if policy else None
    found = _store(home, agent).prune(_owner(user, tenant), own, dry_run=dry_run)
    machine.write(found.model_dump(mode="json"))
    if not json:
        table("erased", ["id", "code", "reason"], [[r.id, r.code, r.reason] for r in found.removed])
        joined = [[", ".join(j.ids), j.into or "(a summary)", j.code, j.reason] for j in found.joined]
        table("joined", ["ids", "into", "code", "reason"], joined)
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


def _store(home: Any, agent: str | None = None) -> "Store":
    from interlock.serving.memories import memory_of

    opened = existing_home(home)
    return memory_of(agent).open(opened.path, opened.clock)


def _slot(name: str) -> "Slot | None":
    from interlock.runtime.errors import BadInput
    from interlock.runtime.memories import Slot

    subject, slash, attribute = name.partition("/")
    if name and not (subject and slash and attribute):
        raise BadInput(what=f"{name!r} is no slot", where="--slot", fix="write subject/attribute, as in user/home")
    return Slot(subject=subject, attribute=attribute) if name else None


def _owner(user: str, tenant: str) -> "Owner":
    from interlock.runtime.memories import Owner

    return Owner(tenant=tenant, user=user)
