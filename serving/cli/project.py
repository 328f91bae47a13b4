"""`init` and `doctor`: start a project, and see whether the house stands."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, home_at
from interlock.serving.cli.output import Machine, table


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(init)
    app.command()(doctor)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet, or is empty.")],
    json: AsJson = False,
) -> int:
    """Make an agent project that runs at once."""
    from interlock.serving.project import make_project

    machine = Machine(json)
    files = make_project(folder)
    machine.write({"folder": str(folder), "files": [str(file) for file in files]})
    for file in files:
        typer.echo(f"wrote {file}", err=True)
    if not json:
        typer.echo(f'interlock run {quote(str(folder))} "What is 17.5 % of 240?"')
    return 0


def doctor(home: HomePath = None, json: AsJson = False) -> int:
    """Check what agents need: packages, weights, and a home that can be written."""
    from interlock.serving.doctor import examine

    machine = Machine(json)
    findings = examine(home_at(home))
    machine.write([vars(finding) for finding in findings])
    if not json:
        table(
            "doctor", ["what", "state", "detail"], [[f.what, "ok" if f.ok else "MISSING", f.detail] for f in findings]
        )
    return 0 if all(finding.ok for finding in findings) else 1
