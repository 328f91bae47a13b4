"""`stats`: figures of all runs, with a plot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.serving.cli.options import AsJson, HomePath, existing_home, span
from interlock.serving.cli.output import Machine, table

if TYPE_CHECKING:
    from interlock.serving.figures import Figures, Series, Table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(stats)


def stats(
    since: Annotated[str | None, typer.Option("--since", help="Only of the last 12h, 7d …")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Write the plot there as SVG.")] = None,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="Print Prometheus' text format.")] = False,
    home: HomePath = None,
    json: AsJson = False,
) -> int:
    """Show latency, success, cost, tokens, errors, denials, cache hits and waiting approvals."""
    from interlock.serving.figures import figures

    machine = Machine(json)
    opened = existing_home(home)
    found = figures(opened, since=opened.clock.now() - span(since) if since else None)
    machine.write(found.as_json())
    if picture is not None:
        from interlock.serving.html.chart import chart

        picture.write_text(chart(found), encoding="utf-8")
        typer.echo(f"wrote {picture}", err=True)
    if prometheus:
        from interlock.serving.prometheus import exposition

        typer.echo(exposition(found), nl=False)
    elif not json:
        _show(found)
    return 0


def _show(found: "Figures") -> None:
    for title, series in (
        ("agents", found.agents), ("versions", found.versions), ("models", found.models), ("tools", found.tools)
    ):  # fmt: skip
        if series:
            _table(title, series)
    typer.echo(f"approvals waiting: {found.waiting}, the oldest for {found.oldest_s:,.0f} s")
    most = max(found.per_day.values(), default=0)
    for day, runs in found.per_day.items():
        typer.echo(f"{day} {'█' * max(1, round(40 * runs / most))} {runs}")


def _table(title: str, series: "Table") -> None:
    rows = [
        [name, one.count, _share(one), one.failed, one.tool_errors, one.denied, _waiting(one), one.cached,
         *(f"{one.quantile(share):,.1f}" for share in (0.5, 0.95, 0.99)), f"{one.tokens:,}",
         "?" if one.unpriced else one.usd]
        for name, one in sorted(series.items())
    ]  # fmt: skip
    table(title, ["name", *_COLUMNS], rows)


_COLUMNS = (
    "count", "success", "failed", "tool errors", "denied", "waiting", "cached", "p50 ms", "p95 ms", "p99 ms",
    "tokens", "USD",
)  # fmt: skip


def _share(one: "Series") -> str:
    share = one.success()
    return "" if share is None else f"{share:.0%}"


def _waiting(one: "Series") -> str:
    return f"{one.waiting}, {one.oldest_s:,.0f} s" if one.waiting else "0"
