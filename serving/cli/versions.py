"""`versions`: under which manifests runs were made, and what changed between two."""

from typing import TYPE_CHECKING, Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home
from interlock.serving.cli.output import Machine, table

if TYPE_CHECKING:
    from interlock.runtime.journal.manifests import Manifest


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(versions)


def versions(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[diff A B]", help="Without words, list; A and B are hashes or run ids."),
    ] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """List the manifests that runs were made under; `diff A B` shows what changed between two."""
    match words or []:
        case []:
            return _list(home, Machine(json))
        case ["diff", first, second]:
            return _diff(first, second, home, Machine(json))
        case _:
            raise typer.BadParameter("give nothing, or diff A B")


def _list(home: HomePath, machine: Machine) -> int:
    from interlock.runtime.journal.manifests import list_manifests

    found = list_manifests(existing_home(home).journal)
    machine.write([{**vars(one), "first": one.first.isoformat(), "last": one.last.isoformat()} for one in found])
    if not machine.on:
        rows = [[one.hash[:12], *_about(one), one.runs, f"{one.last:%Y-%m-%d %H:%M}"] for one in found]
        table("versions", ["manifest", "agent", "graph", "model", "runs", "last run"], rows)
    return 0


def _about(one: "Manifest") -> list[str]:
    return [one.agent, str(one.facts.get("graph")), str(one.facts.get("model"))]


def _diff(first: str, second: str, home: HomePath, machine: Machine) -> int:
    from interlock.runtime.journal.manifests import changes, find_manifest

    journal = existing_home(home).journal
    found = changes(find_manifest(journal, first).facts, find_manifest(journal, second).facts)
    machine.write(found)
    if not machine.on:
        for line in found or ["nothing changed"]:
            typer.echo(line)
    return 1 if found else 0
