"""The command line. Each verb group is one thin file over the public API; nothing heavy is imported to show help."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from interlock.serving.cli import (
    agents,
    approvals,
    audit,
    evals,
    mcp,
    memory,
    policy,
    project,
    replay,
    retention,
    stats,
    trace,
    versions,
)
from interlock.serving.cli.output import guarded, own_process

app = typer.Typer(
    name="interlock",
    help="Run, watch and answer for agents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interlock {version('interlock')}")
        raise typer.Exit(0)


@app.callback()
def options(
    _asked: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Run, watch and answer for agents."""


for group in (project, agents, trace, replay, stats, versions, retention, policy):
    group.register(app)
app.add_typer(approvals.app, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(mcp.app, name="mcp")
app.add_typer(memory.app, name="memory")
app.add_typer(evals.app, name="eval")


def main() -> None:
    """Run the command line; exit status as documented: 0, 1, 2, 3 or 4."""
    own_process()
    sys.exit(guarded(app, sys.argv[1:]))
