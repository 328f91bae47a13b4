"""`eval`: run suites over an agent, and compare runs."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.serving.cli.options import AgentName, AsJson, HomePath, Model, existing_home
from interlock.serving.cli.output import Machine, close_the_back_door

if TYPE_CHECKING:
    from interlock.evals import Report

app = typer.Typer(help="Run suites over an agent, and compare runs.", no_args_is_help=True)


@app.command()
def run(
    agent: AgentName,
    suite: Annotated[Path | None, typer.Argument(help="A suite or a folder of them. [default: AGENT/evals]")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="A case, suite/case or tag; repeatable.")] = None,
    repeats: Annotated[int | None, typer.Option(help="Attempts at each case.", min=1)] = None,
    baseline: Annotated[Path | None, typer.Option(help="A report to compare with.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the report there as JSON.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Leave the cases' folders there.")] = None,
    every: Annotated[bool, typer.Option("--every", help="A row for each case.")] = False,
    model: Model = None,
    json: AsJson = False,
) -> int:
    """Run suites; exit status 1 where a case fails, or is worse than in the baseline."""
    from interlock.evals import Options, compare, load_report

    machine = Machine(json)
    then = load_report(baseline) if baseline else None
    options = Options(repeats=repeats, only=tuple(only or ()), keep=keep)
    report = _measured(agent, suite or Path(agent) / "evals", options, model, every)
    if out:
        out.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    machine.write(report.model_dump(mode="json"))
    if then is None:
        return report.exit_status
    found = compare(report, then)
    _show_comparison(found)
    return found.exit_status


@app.command()
def record(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or how it begins.")],
    suites: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of suites, such as AGENT/evals.")],
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Turn a run into a case of the suite `recorded`, which runs offline on what was recorded."""
    from interlock.serving.recording import record_case

    machine = Machine(json)
    suite = record_case(existing_home(home).journal, run, suites)
    machine.write({"suite": str(suite), "run": run})
    typer.echo(f"wrote {suite}; run it with `interlock eval run AGENT {suite}`", err=True)
    return 0


@app.command()
def compare(
    report: Annotated[Path, typer.Argument(help="A report.")],
    baseline: Annotated[Path, typer.Argument(help="The report to compare it with.")],
    json: AsJson = False,
) -> int:
    """Compare two reports; exit status 1 where the first is worse."""
    from interlock.evals import compare as compared
    from interlock.evals import load_report

    machine = Machine(json)
    found = compared(load_report(report), load_report(baseline))
    machine.write(found.model_dump(mode="json"))
    if not json:
        _show_comparison(found)
    return found.exit_status


def _measured(agent: str, suites: Path, options: Any, model: str | None, every: bool) -> "Report":
    from rich.console import Console

    from interlock.evals import read_suites, run_suites
    from interlock.evals.show import show_report, watching
    from interlock.graphs.patterns import assembly_of
    from interlock.serving.loading import load_graph
    from interlock.serving.measuring import target_of

    close_the_back_door()
    console = Console(stderr=True)
    found = read_suites(suites)
    graph = load_graph(agent, model=model)
    assembly = assembly_of(graph)
    about = {"agent": agent, "manifest": assembly.manifest_hash if assembly else ""}
    with watching(console) as watch:
        report = asyncio.run(run_suites(found, target_of(graph), options=options, watch=watch, about=about))
    show_report(report, console, every=every)
    return report


def _show_comparison(found: Any) -> None:
    from rich.console import Console

    from interlock.evals.show import show_comparison

    show_comparison(found, Console(stderr=True))
