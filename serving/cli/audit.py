"""`audit`: whether the record is whole."""

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home
from interlock.serving.cli.output import Machine

app = typer.Typer(help="Verify the record.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Verify the record."""


@app.command()
def verify(home: HomePath = None, json: AsJson = False) -> int:
    """Check every row and payload of the journal; exit status 1 names the rows that do not add up."""
    from interlock.runtime.journal.audit import verify as verified

    machine = Machine(json)
    verdict = verified(existing_home(home).database)
    findings = [{"row": finding.row, "problem": finding.problem} for finding in verdict.findings]
    machine.write({"ok": verdict.ok, "rows": verdict.rows, "head": verdict.head, "findings": findings})
    if not json:
        for finding in verdict.findings:
            typer.echo(f"row {finding.row}: {finding.problem}")
        word = "whole" if verdict.ok else f"BROKEN in {len(findings)} places"
        typer.echo(f"{verdict.rows} rows, {verdict.payloads} payloads: {word}; head {verdict.head}")
    return 0 if verdict.ok else 1
