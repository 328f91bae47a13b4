"""A run as steps: what happened at each place, when, and what it used."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from interlock.graphs.positions import nodes_of
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry
from interlock.runtime.records import Usage


@dataclass(frozen=True, kw_only=True)
class Call:
    """All events at one place, such as one tool call with its approval and its result."""

    place: str
    entries: tuple[Entry, ...]
    began_ms: float
    """After the run began."""
    ended_ms: float
    usage: Usage

    @property
    def node(self) -> str:
        """The graph's node that it belongs to."""
        return node_of(self.place)

    @property
    def subject(self) -> str:
        """Which model, tool or other thing it concerns."""
        for entry in self.entries:
            for name in ("tool", "model", "action", "what"):
                if found := getattr(entry.event, name, ""):
                    return str(found)
        return self.entries[0].event.kind.replace("_", " ")

    @property
    def failed(self) -> bool:
        """Whether it did not end well."""
        last = self.entries[-1].event
        return last.kind in ("tool_failed", "model_failed", "refused") or getattr(last, "status", "") in (
            "failed",
            "stopped",
        )


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit of a node: its calls, side by side where they ran in parallel."""

    name: str
    node: str
    calls: tuple[Call, ...]

    @property
    def began_ms(self) -> float:
        """When its first call began."""
        return min(call.began_ms for call in self.calls)

    @property
    def ended_ms(self) -> float:
        """When its last call ended."""
        return max(call.ended_ms for call in self.calls)

    @property
    def usage(self) -> Usage:
        """What its calls used together."""
        total = Usage()
        for call in self.calls:
            total = total.plus(call.usage)
        return total


def visits(entries: list[Entry]) -> list[Visit]:
    """Gather a run's events by visit of a node: one after the other, calls of the same visit side by side."""
    found: list[dict[str, list[Entry]]] = []
    current: dict[str, tuple[str, dict[str, list[Entry]]]] = {}
    for entry in entries:
        path, name = entry.place.rpartition("/")[0], _visit_name(entry.place)
        if path not in current or current[path][0] != name:
            found.append({})
            current[path] = (name, found[-1])
        current[path][1].setdefault(entry.place, []).append(entry)
    return [_visit(places, entries[0].at) for places in found]


def _visit(places: dict[str, list[Entry]], start: datetime) -> Visit:
    first = next(iter(places))
    calls = tuple(_call(place, entries, start) for place, entries in places.items())
    return Visit(name=_visit_name(first), node=node_of(first), calls=calls)


def _call(place: str, entries: list[Entry], start: datetime) -> Call:
    after = [(entry.at - start).total_seconds() * 1000 for entry in entries]
    return Call(
        place=place, entries=tuple(entries), began_ms=min(after), ended_ms=max(after), usage=_usage(entries)
    )  # fmt: skip


def node_of(place: str) -> str:
    """Name the node of a place: `1.sub.3/1.act.2.0` lies in `sub/act`."""
    path, _, inner = place.rpartition("/")
    parts = inner.split(".")
    return nodes_of(path) + (parts[1] if len(parts) > 1 else inner)


def _visit_name(place: str) -> str:
    path, _, inner = place.rpartition("/")
    name = ".".join(inner.split(".")[1:3])
    return f"{path}/{name}" if path else name


def _usage(entries: list[Entry]) -> Usage:
    total = Usage()
    for entry in entries:
        used: Any = None if isinstance(entry.event, events.RunEnded) else getattr(entry.event, "usage", None)
        if isinstance(used, Usage):
            total = total.plus(used)
    return total
