"""`trace` and `budget`: what happened, and what it cost."""

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home, span
from interlock.serving.cli.output import Machine, table

if TYPE_CHECKING:
    from interlock.runtime.home import Home
    from interlock.runtime.journal.journal import Entry, Journal
    from interlock.runtime.journal.runs import RunSummary
    from interlock.serving.steps import Visit


_UNCUT = 100_000
"""Columns where nobody looks at a terminal: what reads the output folds its own lines."""


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(trace)
    app.command()(budget)


def trace(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN | export RUN | diff A B]", help="A run's id, or how it begins; none lists all."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Whole prompts and results.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the run there as one self-contained page.")] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Only runs of this agent.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only runs for this user.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Only runs that stand so: done, waiting, …")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only runs begun in the last 30m, 12h, 7d …")] = None,
    min_usd: Annotated[float | None, typer.Option("--min-usd", help="Only runs that cost as much.")] = None,
    max_usd: Annotated[float | None, typer.Option("--max-usd", help="Only runs that cost no more.")] = None,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Show what a run did, step by step; without RUN, list the runs.

    `export RUN` writes a recording to stdout that replays in any home; `diff A B` shows where two runs part.
    """
    match words or []:
        case []:
            wanted = _Wanted(agent=agent, user=user, status=status, since=since, min_usd=min_usd, max_usd=max_usd)
            return _list(existing_home(home), wanted, Machine(json))
        case ["export", run]:
            return _export(run, home)
        case ["diff", first, second]:
            return _diff(first, second, home, Machine(json))
        case [run]:
            return _one(run, home, full, html, Machine(json))
        case _:
            raise typer.BadParameter("give RUN, export RUN, or diff A B")


def _export(run: str, home: Any) -> int:
    from interlock.runtime.replay.recording import exported, record

    sys.stdout.buffer.write(exported(record(existing_home(home).journal, run)) + b"\n")
    return 0


def _diff(first: str, second: str, home: Any, machine: Machine) -> int:
    from interlock.runtime.replay.differences import parting
    from interlock.serving.cli.replay import recording_of

    found = parting(recording_of(first, home), recording_of(second, home))
    machine.write(vars(found))
    if not machine.on:
        typer.echo(f"{found.same} events are the same" + (f"; they part at {found.place}" if found.place else ""))
        for line in found.diff:
            typer.echo(f"  {line}")
    return 1 if found.place else 0


def _one(run: str, home: Any, full: bool, html: Path | None, machine: Machine) -> int:
    from interlock.runtime.journal.runs import find_run

    journal = existing_home(home).journal
    entries = find_run(journal, run)
    machine.write([_facts(entry) for entry in entries])
    if html is not None:
        from interlock.serving.html.page import page

        html.write_text(page(entries, journal), encoding="utf-8")
        typer.echo(f"wrote {html}", err=True)
    elif not machine.on:
        _show(entries, journal, full)
    return 0


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """Which runs are to be listed."""

    agent: str | None
    user: str | None
    status: str | None
    since: str | None
    min_usd: float | None
    max_usd: float | None

    def includes(self, run: "RunSummary", now: datetime) -> bool:
        """Tell whether a run is one of them; an unknown price is known to be neither low nor high."""
        return (
            self.agent in (None, run.agent)
            and self.user in (None, run.user)
            and self.status in (None, run.status)
            and (self.since is None or now - run.started_at <= span(self.since))
            and (self.min_usd is None or run.usage.usd is None or run.usage.usd >= self.min_usd)
            and (self.max_usd is None or run.usage.usd is None or run.usage.usd <= self.max_usd)
        )


def _list(home: "Home", wanted: _Wanted, machine: Machine) -> int:
    from interlock.runtime.journal.runs import list_runs

    found = [run for run in list_runs(home.journal) if wanted.includes(run, home.clock.now())]
    machine.write([{**vars(one), "usage": one.usage.model_dump(mode="json")} for one in found])
    if not machine.on:
        rows = [[f"{r.started_at:%Y-%m-%d %H:%M:%S}", r.run, r.agent, r.user, r.status, r.asked[:60]] for r in found]
        table("runs", ["started", "run", "agent", "user", "status", "asked"], rows)
    return 0


def _facts(entry: "Entry") -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "place": entry.place,
        "hash": entry.hash,
        "erased": entry.erased,
        **(entry.event.model_dump(mode="json")),
    }


def _show(entries: "list[Entry]", journal: "Journal", full: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    from interlock.serving.steps import visits
    from interlock.serving.timeline import line

    tree = Tree(f"run [bold]{entries[0].run}[/bold] on thread {escape(entries[0].thread)}")
    for visit in visits(entries):
        branch = tree.add(f"[dim]{visit.began_ms:8.1f} ms[/dim] [bold]{escape(visit.name)}[/bold]{_spent(visit)}")
        for call in visit.calls:
            inner = branch if len(visit.calls) == 1 else branch.add(f"{escape(call.place)}")
            for entry in call.entries:
                title, text = line(entry, journal, full=full)
                inner.add(f"[bold]{escape(title)}[/bold] {escape(text)}")
    console = Console()
    (console if console.is_terminal else Console(width=_UNCUT)).print(tree)


def _spent(visit: "Visit") -> str:
    used = visit.usage
    price = "" if not used.usd else f", {used.usd} USD"
    tokens = used.input_tokens + used.output_tokens
    parallel = f", {len(visit.calls)} side by side" if len(visit.calls) > 1 else ""
    took = f"{visit.ended_ms - visit.began_ms:.1f} ms"
    return f" [dim]{took}{f', {tokens} tokens' if tokens else ''}{price}{parallel}[/dim]"


def budget(
    shared: Annotated[bool, typer.Option("--shared", help="What threads, users and tenants have spent.")] = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Show what each run has spent."""
    from interlock.runtime.journal.runs import list_runs

    machine = Machine(json)
    if shared:
        return _shared(existing_home(home), machine)
    found = list_runs(existing_home(home).journal)
    machine.write([{"run": r.run, "agent": r.agent, "user": r.user, **r.usage.model_dump(mode="json")} for r in found])
    if not json:
        rows = [
            [r.run, r.agent, r.user, r.usage.model_calls, r.usage.tool_calls,
             r.usage.input_tokens + r.usage.output_tokens, "?" if r.usage.usd is None else r.usage.usd,
             f"{r.usage.seconds:.2f}"]
            for r in found
        ]  # fmt: skip
        table("spent", ["run", "agent", "user", "model calls", "tool calls", "tokens", "USD", "seconds"], rows)
    return 0


def _shared(home: "Home", machine: Machine) -> int:
    found = [(scope, home.ledger.usage(scope)) for scope in home.ledger.scopes()]
    machine.write([{"scope": scope, **usage.model_dump(mode="json")} for scope, usage in found])
    if not machine.on:
        rows = [
            [scope, u.steps, u.model_calls, u.tool_calls, u.input_tokens, u.output_tokens,
             "?" if u.usd is None else u.usd, f"{u.seconds:.2f}"]
            for scope, u in found
        ]  # fmt: skip
        names = ["scope", "steps", "model calls", "tool calls", "tokens in", "tokens out", "USD", "seconds"]
        table("spent together", names, rows)
    return 0
