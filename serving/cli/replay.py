"""`replay`: run a recorded run again, offline."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home
from interlock.serving.cli.output import Machine, close_the_back_door

if TYPE_CHECKING:
    from interlock.runtime.replay.recording import Recording
    from interlock.serving.replaying import Replayed


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(replay)


def replay(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it begins, or an exported file.")],
    agent: Annotated[
        str | None, typer.Option(metavar="AGENT", help="The agent to run it with. [default: the one that made it]")
    ] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Run a recorded run again, offline; exit status 1 where it is no longer the same."""
    from interlock.serving.loading import load_graph
    from interlock.serving.replaying import replay as replayed

    machine = Machine(json)
    close_the_back_door()
    recording = recording_of(run, home)
    graph = load_graph(agent or _maker(recording))
    found = asyncio.run(replayed(recording, graph))
    machine.write({"identical": found.identical, **vars(found)})
    if not json:
        _show(found)
    return 0 if found.identical else 1


def recording_of(run: str, home: Any) -> "Recording":
    """Read a recording from a file, or make it from the journal."""
    from interlock.runtime.replay.recording import imported, record

    if (file := Path(run)).is_file():
        return imported(file.read_bytes(), run)
    return record(existing_home(home).journal, run)


def _maker(recording: "Recording") -> str:
    from interlock.runtime.errors import AgentNotFound

    if source := recording.started.get("source"):
        return str(source)
    raise AgentNotFound(what="the run does not say where its agent is", where=recording.run, fix="give --agent AGENT")


def _show(found: "Replayed") -> None:
    for line in found.manifest:
        typer.echo(f"manifest: {line}", err=True)
    if found.identical:
        typer.echo(f"identical: {found.steps} of {found.steps} events of run {found.run}, byte for byte")
        return
    typer.echo(f"differs at {found.place} (event {found.step} of {found.steps}; {found.same} before it are the same)")
    for line in found.diff:
        typer.echo(f"  {line}")
