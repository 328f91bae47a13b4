"""`prune`: let go of what is old."""

from typing import Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home, span
from interlock.serving.cli.output import Machine


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(prune)


def prune(
    older_than: Annotated[str, typer.Option("--older-than", help="Runs that ended longer ago: 90d, 12h …")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Remove old runs from the journal, with their checkpoints; what is left verifies from a signed cut."""
    from interlock.runtime.journal.pruning import prune as pruned

    machine = Machine(json)
    opened = existing_home(home)
    found = pruned(opened, before=opened.clock.now() - span(older_than), dry_run=dry_run)
    if found.threads and not dry_run:
        saver = opened.saver()
        for thread in found.threads:
            saver.delete_thread(thread)
        saver.close()
    machine.write(vars(found))
    if not json:
        word = "would remove" if dry_run else "removed"
        typer.echo(
            f"{word} {found.runs} runs: {found.rows} rows, {found.payloads} payloads, {len(found.threads)} threads"
        )
        if found.held_by:
            why = f"is on hold: {found.hold}" if found.hold else "has not ended"
            typer.echo(f"older rows stay behind run {found.held_by}, which {why}", err=True)
    return 0
