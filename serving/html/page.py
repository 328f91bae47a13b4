"""One run as one page: graph and path taken, a time bar, a cost bar, every step in full. No network, no script."""

from collections import Counter
from html import escape
from importlib.resources import files
from typing import Any

from interlock.runtime.journal.events import RunEnded, RunStarted
from interlock.runtime.journal.journal import Entry, Journal
from interlock.runtime.journal.manifests import manifest_of
from interlock.runtime.records import Usage
from interlock.serving.html.bars import colour, cost_bar, pauses, time_bars, tokens
from interlock.serving.html.drawing import drawn
from interlock.serving.html.layout import Edge
from interlock.serving.steps import Call, Visit, node_of, visits
from interlock.serving.timeline import line

_SHOWN = 400
"""Characters of a request that the head of a page shows; the steps show it all."""


def page(entries: list[Entry], journal: Journal) -> str:
    """Write the page of a run."""
    started = entries[0].event
    seen = visits(entries)
    calls = [call for visit in seen for call in visit.calls]
    title = f"Run {entries[0].run}"
    body = "".join(
        (
            _head(entries),
            _section("Graph and path", f'<div class="wide">{_graph(entries, seen, journal)}</div>'),
            _section("Time", time_bars(seen, pauses(entries))),
            _section("Cost", cost_bar(calls)),
            _section("Steps", "".join(_visit(visit, journal) for visit in seen)),
        )
    )
    style = files("interlock.serving.html").joinpath("page.css").read_text(encoding="utf-8")
    agent = started.agent if isinstance(started, RunStarted) else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · {escape(agent)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head><body>{body}</body></html>\n'
    )


def _head(entries: list[Entry]) -> str:
    started = entries[0].event
    ended = next((e.event for e in reversed(entries) if isinstance(e.event, RunEnded)), None)
    status = ended.status if ended else "unfinished"
    facts: list[tuple[str, Any]] = [("run", entries[0].run), ("thread", entries[0].thread)]
    if isinstance(started, RunStarted):
        facts += [("user", f"{started.caller.user} of {started.caller.tenant}"), ("manifest", started.manifest[:12])]
        if started.parent:
            facts.append(("fork of", started.parent))
    usage = ended.usage if ended else Usage()
    facts += [("began", f"{entries[0].at:%Y-%m-%d %H:%M:%S} UTC"), ("took", f"{usage.seconds:.3f} s at work")]
    facts += [("used", _used(usage))]
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts)
    agent, said = (started.agent, _asked(started)) if isinstance(started, RunStarted) else ("", "")
    return f'<header><h1>{escape(agent)} <span class="{status}">{status}</span></h1>{said}<dl>{listed}</dl></header>'


def _asked(started: RunStarted) -> str:
    text = str(started.messages[-1].get("content", "")) if started.messages else ""
    return f'<p class="asked">{escape(text[:_SHOWN])}{"…" if len(text) > _SHOWN else ""}</p>' if text else ""


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _graph(entries: list[Entry], seen: list[Visit], journal: Journal) -> str:
    manifest = manifest_of(journal, entries[0].run)
    topology: dict[str, Any] = (manifest.facts.get("topology") if manifest else None) or {}
    edges: list[Edge] = [(a, b) for a, _, b in (name.partition(" → ") for name in topology.get("edges", {}))]
    nodes: list[str] = topology.get("nodes", [])
    path = [visit.node for visit in seen if visit.node not in ("end", "resume")]
    ended = any(isinstance(e.event, RunEnded) and e.event.status == "done" for e in entries)
    path = ["__start__", *(["begin"] if path[:1] != ["begin"] else []), *path, *(["__end__"] if ended else [])]
    counts = Counter(node_of(place) for place in {call.place for visit in seen for call in visit.calls})
    beside = {visit.node: len(visit.calls) for visit in sorted(seen, key=lambda visit: len(visit.calls))}
    return drawn(nodes, edges, _dotted(path), counts, beside)


def _dotted(path: list[str]) -> list[str]:
    """Leave out what repeats: a step that waited and went on was visited once."""
    return [name for index, name in enumerate(path) if index == 0 or path[index - 1] != name]


def _visit(visit: Visit, journal: Journal) -> str:
    calls = "".join(_call(call, journal) for call in visit.calls)
    took = f"{visit.ended_ms - visit.began_ms:,.1f} ms"
    beside = f" · {len(visit.calls)} side by side" if len(visit.calls) > 1 else ""
    return f"<details open><summary>{escape(visit.name)} <small>{took}{beside}</small></summary>{calls}</details>"


def _call(call: Call, journal: Journal) -> str:
    rows: list[str] = []
    for entry in call.entries:
        title, text = line(entry, journal, full=True)
        rows.append(f"<tr><th>{escape(title.strip())}</th><td><pre>{escape(text)}</pre></td></tr>")
    return f'<table class="{colour(call)}">{"".join(rows)}</table>'


def _used(usage: Usage) -> str:
    price = "price unknown" if usage.usd is None else f"{usage.usd} USD"
    return f"{usage.model_calls} model calls, {usage.tool_calls} tool calls, {tokens(usage):,} tokens, {price}"
