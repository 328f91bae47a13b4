"""When each call of a run was at work, and what each has cost, as bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from interlock.runtime.journal.events import RunEnded, RunResumed
from interlock.runtime.journal.journal import Entry
from interlock.runtime.records import Usage
from interlock.serving.steps import Call, Visit

COLOURS = {"model": "model", "tool": "tool", "approval": "wait", "memory": "memory", "refused": "bad"}
LEGEND = {"model": "model", "tool": "tool", "wait": "person", "memory": "memory", "bad": "failed or refused"}
_LEAST_MS = 0.05
"""What took less and was neither model, tool, memory nor person is left to the steps."""


def colour(call: Call) -> str:
    """Name the colour of a call: by what it was, and whether it failed."""
    if call.failed:
        return "bad"
    kinds = {entry.event.kind.split("_")[0] for entry in call.entries}
    return next((found for kind, found in COLOURS.items() if kind in kinds), "other")


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A time in which the run waited for people. Milliseconds after it began."""

    began_ms: float
    ended_ms: float


def pauses(entries: Sequence[Entry]) -> list[Pause]:
    """Find the times in which nobody was at work."""
    found: list[Pause] = []
    since: float | None = None
    for entry in entries:
        after = (entry.at - entries[0].at).total_seconds() * 1000
        if isinstance(entry.event, RunEnded):
            since = after
        elif isinstance(entry.event, RunResumed) and since is not None:
            found.append(Pause(began_ms=since, ended_ms=after))
            since = None
    return found


def time_bars(seen: Sequence[Visit], waited: Sequence[Pause]) -> str:
    """Draw a bar for each call, those of one visit together; times of waiting are cut out and marked."""

    def at(ms: float) -> float:
        return ms - sum(max(0.0, min(ms, one.ended_ms) - one.began_ms) for one in waited)

    whole = max((at(call.ended_ms) for visit in seen for call in visit.calls), default=0.0) or 1.0
    rows = "".join(_visit(visit, at, whole) for visit in seen)
    marks = "".join(f'<s style="left:{100 * tick / whole:.2f}%"></s>' for tick in ticks(whole) if tick)
    breaks = "".join(
        f'<b style="left:{min(100 * at(one.began_ms) / whole, 99):.2f}%" title="waited {_span(one)}">'
        f"<em>waited {_span(one)}</em></b>"
        for one in waited
    )
    named = "".join(f'<span style="left:{100 * t / whole:.2f}%">{t:,g}</span>' for t in ticks(whole))
    return (
        f'{_legend(seen)}<div class="axis"><div>{named}<span class="unit">{whole:,.1f} ms at work</span></div></div>'
        f'<div class="bars"><div class="grid">{marks}{breaks}</div>{rows}</div>'
    )


def ticks(whole: float) -> list[float]:
    """Give four to ten round values from 0 up to the whole, the last well before its end."""
    step = 10 ** floor(log10(whole))
    step = step if whole / step >= 4 else step / 2 if whole / step >= 2 else step / 5  # noqa: PLR2004
    return [n * step for n in range(int(whole / step) + 1) if n * step <= 0.88 * whole]


def _visit(visit: Visit, at: Callable[[float], float], whole: float) -> str:
    calls = [call for call in visit.calls if call.ended_ms - call.began_ms >= _LEAST_MS or colour(call) != "other"]
    rows = "".join(_row(call, at, whole) for call in sorted(calls, key=lambda call: call.began_ms))
    if len(calls) < 2:  # noqa: PLR2004
        return rows
    return f'<div class="beside" title="{escape(visit.name)}: {len(calls)} side by side">{rows}</div>'


def _row(call: Call, at: Callable[[float], float], whole: float) -> str:
    took = at(call.ended_ms) - at(call.began_ms)
    left, width = 100 * at(call.began_ms) / whole, max(100 * took / whole, 0.4)
    place = call.place.partition(".")[2] or call.place
    return (
        f'<div class="row"><span class="name"><b>{escape(call.subject)}</b> {escape(place)}</span>'
        f'<span class="track"><i class="{colour(call)}" style="left:{min(left, 100 - width):.2f}%;width:{width:.2f}%">'
        f'</i></span><span class="took">{took:,.1f} ms</span></div>'
    )


def _legend(seen: Sequence[Visit]) -> str:
    there = {colour(call) for visit in seen for call in visit.calls}
    shown = "".join(f'<span><i class="{name}"></i>{text}</span>' for name, text in LEGEND.items() if name in there)
    return f'<p class="legend">{shown}</p>'


def _span(one: Pause) -> str:
    seconds = (one.ended_ms - one.began_ms) / 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def cost_bar(calls: Sequence[Call]) -> str:
    """Draw what the calls have cost: in money where any was paid, else in tokens."""
    money = any(call.usage.usd for call in calls)
    parts = [(call, float(call.usage.usd or 0) if money else float(tokens(call.usage))) for call in calls]
    parts = [(call, amount) for call, amount in parts if amount]
    whole = sum(amount for _, amount in parts)
    if not whole:
        return "<p>Nothing was paid, and no tokens were used.</p>"
    unit = "USD" if money else "tokens"
    pieces = "".join(
        f'<i class="{colour(call)}" style="width:{100 * amount / whole:.3f}%" '
        f'title="{escape(call.place)}: {amount:,.6g} {unit}"></i>'
        for call, amount in parts
    )
    rows = "".join(_part(call, amount, whole) for call, amount in sorted(parts, key=lambda part: -part[1]))
    return (
        f'<div class="cost">{pieces}</div><table class="costs"><tr><th>call</th><th>tokens in</th><th>out</th>'
        f"<th>{unit}</th><th>share</th></tr>{rows}"
        f"<tr><th>together</th><th></th><th></th><th>{whole:,.6g}</th><th></th></tr></table>"
    )


def _part(call: Call, amount: float, whole: float) -> str:
    place = call.place.partition(".")[2] or call.place
    return (
        f'<tr><td><i class="{colour(call)}"></i>{escape(call.subject)} <small>{escape(place)}</small></td>'
        f"<td>{call.usage.input_tokens:,}</td><td>{call.usage.output_tokens:,}</td><td>{amount:,.6g}</td>"
        f"<td>{amount / whole:.0%}</td></tr>"
    )


def tokens(usage: Usage) -> int:
    """Count tokens read and written."""
    return usage.input_tokens + usage.output_tokens
