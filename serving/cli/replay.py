"""`replay`: run a recorded run again, offline."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from interlock.serving.cli.options import AsJson, HomePath, Model, existing_home, home_at
from interlock.serving.cli.output import EXIT, Machine, close_the_back_door

if TYPE_CHECKING:
    from interlock.graphs.patterns import Compiled
    from interlock.runtime.home import Home
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
    step: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Go on live from this step, such as think.2.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Yes, go on live: models are asked, effects are gated.")] = False,
    model: Model = None,
    prompt: Annotated[Path | None, typer.Option(help="A prompt file to use from the fork on.")] = None,
    edit: Annotated[Path | None, typer.Option(help="YAML or JSON: other results than the recorded, by step.")] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Run a recorded run again, offline; exit status 1 where it is no longer the same.

    With --from STEP --live, answer from the recording up to the step, and go on live as a new run.
    """
    from interlock.serving.loading import load_graph
    from interlock.serving.replaying import replay as replayed

    machine = Machine(json)
    if live != (step is not None) or (not live and (model or prompt or edit)):
        raise typer.BadParameter("a fork needs both --from STEP and --live")
    close_the_back_door()
    recording = recording_of(run, home)
    graph = load_graph(agent or _maker(recording))
    if step is not None:
        return _fork(recording, graph, step, machine, home_at(home), model, prompt, edit)
    found = asyncio.run(replayed(recording, graph))
    machine.write({"identical": found.identical, **vars(found)})
    if not json:
        _show(found)
    return 0 if found.identical else 1


def _fork(
    recording: "Recording", graph: "Compiled", step: str, machine: Machine, home: "Home", model: str | None,
    prompt: Path | None, edit: Path | None,
) -> int:  # fmt: skip
    from interlock.graphs.patterns import assembly_of
    from interlock.serving.cli.agents import show_reply
    from interlock.serving.forking import fork

    assembly = assembly_of(graph)
    if prompt is not None and assembly is not None:
        assembly.use_prompt(prompt)
    edits = _edits(edit) if edit else {}
    reply = asyncio.run(fork(recording, graph, home=home, step=step, model=model, edits=edits))
    machine.write(reply.model_dump(mode="json"))
    if not machine.on:
        show_reply(reply)
    return EXIT[reply.status]


def _edits(file: Path) -> dict[str, Any]:
    import yaml

    from interlock.runtime.errors import BadInput

    fix = "write lines such as `act.1.0: {amount: 5}`"
    try:
        found: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(what=f"cannot be read: {error}", where=str(file), fix=fix) from error
    if not isinstance(found, dict):
        raise BadInput(what="is no mapping from steps to results", where=str(file), fix=fix)
    return {str(place): value for place, value in cast(dict[Any, Any], found).items()}


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
