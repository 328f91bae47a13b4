"""`audit`: whether the record is whole, heads of it to keep elsewhere, and what it says about who did what."""

from typing import Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home
from interlock.serving.cli.output import Machine, table

app = typer.Typer(help="Verify, seal, export and question the record.", no_args_is_help=True)

Head = Annotated[str | None, typer.Option("--head", help="A line that `audit seal` printed earlier, or its file.")]
Content = Annotated[bool, typer.Option("--content", help="Also what people wrote and tools returned.")]


@app.callback()
def audit() -> None:
    """Verify, seal, export and question the record."""


@app.command()
def verify(head: Head = None, home: HomePath = None, json: AsJson = False) -> int:
    """Check every row, payload and seal of the journal; exit status 1 names the rows that do not add up."""
    from interlock.runtime.journal.audit import verify as verified
    from interlock.runtime.journal.seals import read_head

    machine = Machine(json)
    kept = None if head is None else read_head(head)
    verdict = verified(existing_home(home).database, head=kept)
    findings = [vars(finding) for finding in verdict.findings]
    machine.write(
        {"ok": verdict.ok, "rows": verdict.rows, "head": verdict.head, "seals": verdict.seals,
         "erased": verdict.erased, "findings": findings}
    )  # fmt: skip
    if not json:
        for finding in verdict.findings:
            typer.echo(f"{finding.where}: {finding.problem}")
        word = "whole" if verdict.ok else f"BROKEN in {len(findings)} places"
        erased = f" ({verdict.erased} erased)" if verdict.erased else ""
        typer.echo(
            f"{verdict.rows} rows, {verdict.payloads} payloads{erased}, {verdict.seals} seals: {word}; "
            f"head {verdict.head}"
        )
    return 0 if verdict.ok else 1


@app.command()
def seal(home: HomePath = None) -> int:
    """Sign the newest row and print the head; keep it where nobody who writes here can change it."""
    from interlock.runtime.errors import NotFound

    opened = existing_home(home)
    made = opened.journal.seal()
    if made is None:
        raise NotFound(what="the journal is empty", where=str(opened.path), fix="run an agent first")
    typer.echo(made.line())
    return 0


@app.command()
def export(content: Content = False, home: HomePath = None) -> int:
    """Write the journal as JSON lines; docs/verify_export.py verifies them without Interlock."""
    from interlock.runtime.journal.export import export as exported

    for line in exported(existing_home(home).database, content=content):
        typer.echo(line)
    return 0


@app.command()
def actions(
    tool: Annotated[str | None, typer.Option("--tool", help="Of this tool only.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Asked for this user only.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Refusals only.")] = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """List who asked for what, who approved it, under which policies, and what came of it; refusals included."""
    from interlock.runtime.journal.actions import actions as found_in

    machine = Machine(json)
    found = [
        one
        for one in found_in(existing_home(home).journal)
        if tool in (None, one.action)
        and (user is None or one.asked_by.startswith(f"{user} of "))
        and (not refused or one.outcome.startswith("refused"))
    ]
    machine.write([{**vars(one), "at": one.at.isoformat()} for one in found])
    if not json:
        rows = [
            [one.row, f"{one.at:%Y-%m-%d %H:%M:%S}", one.asked_by, f"{one.action} {one.arguments}", one.outcome,
             "; ".join(one.answers), ", ".join(one.policies), one.policy_version[:12]]
            for one in found
        ]  # fmt: skip
        header = ["row", "at", "asked for", "action", "outcome", "answers", "policies", "policy version"]
        table("actions", header, rows)
    return 0
