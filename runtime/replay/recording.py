"""A recording: one run's events with all that they refer to, free of the home that they were made in.

Digests in a journal are keyed by person; here they are plain SHA-256 of the content, so that a recording can be
compared with a run made anywhere. Each message and each set of tool schemas stands once, under its hash.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import orjson

from interlock.runtime.errors import RecordingBroken
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry, Journal
from interlock.runtime.journal.runs import find_run

FORMAT = 1
_CELLS = {"model_intended": ("prompt",), "run_started": ("history",)}
_BODIES = {"model_intended": ("tools",), "run_started": ("manifest_kept",), "run_resumed": ("manifest_kept",)}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One event of a recording. `facts` are all its fields, content too."""

    number: int
    at: str
    run: str
    place: str
    kind: str
    facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Recording:
    """All that is needed to play a run again."""

    run: str
    thread: str
    steps: tuple[Step, ...]
    bodies: dict[str, Any] = field(repr=False)
    """What steps refer to, by content hash: prompts as cells, tool schemas, manifests."""

    @property
    def started(self) -> dict[str, Any]:
        """The facts of the run's start."""
        return self.steps[0].facts

    @property
    def path(self) -> str:
        """Where the graph stood in a LangGraph graph that is not ours; empty where it stood alone."""
        return path_of(self.steps[0].place)

    def runs_in_tools(self) -> frozenset[str]:
        """Name the runs that tools asked for, and those inside them."""
        found: set[str] = set()
        for step in self.steps:
            if step.kind == "run_started" and (step.facts.get("in_tool") or step.facts.get("inside") in found):
                found.add(step.run)
        return frozenset(found)

    def is_own(self, step: Step) -> bool:
        """Tell whether a step is one of the recorded run itself, not of a graph inside it."""
        return path_of(step.place) == self.path

    @property
    def manifest(self) -> dict[str, Any]:
        """Under which manifest it was made."""
        return dict(self.bodies.get(self.started["manifest_kept"]) or {})

    def messages(self, digest: str) -> list[dict[str, Any]]:
        """Give the messages of a prompt, oldest first."""
        found: list[dict[str, Any]] = []
        while digest:
            cell = self.bodies[digest]
            found.append(cell["message"])
            digest = cell["prev"] or ""
        return found[::-1]


class Portable:
    """Turns what a journal keeps under keyed digests into what a recording keeps under plain ones."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, str] = {}
        self.bodies: dict[str, Any] = {}

    def facts(self, event: events.Event) -> dict[str, Any]:
        """Give an event's fields as JSON data, digests made plain."""
        facts = event.model_dump(mode="json", exclude={"kind"})
        for name in _CELLS.get(event.kind, ()):
            facts[name] = self._cells(facts[name])
        for name in _BODIES.get(event.kind, ()):
            facts[name] = self._body(facts[name])
        return facts

    def _cells(self, digest: str) -> str:
        fresh: list[tuple[str, dict[str, Any]]] = []
        while digest and digest not in self._known:
            cell = self._read(digest)
            fresh.append((digest, cell))
            digest = cell["prev"] or ""
        plain = self._known.get(digest, "")
        for keyed, cell in reversed(fresh):
            body = {"prev": plain or None, "message": cell["message"]}
            plain = self._known[keyed] = _hash(body)
            self.bodies[plain] = body
        return plain

    def _body(self, digest: str) -> str:
        if digest and digest not in self._known:
            body = self._read(digest)
            self._known[digest] = _hash(body)
            self.bodies[self._known[digest]] = body
        return self._known.get(digest, "")

    def _read(self, digest: str) -> Any:
        if (body := self._journal.payload(digest)) is None:
            raise RecordingBroken(what="what a model was asked has been erased", where=digest[:12], fix=_ERASED)
        return body


_ERASED = "an erased run can be traced, not replayed"


def record(journal: Journal, run: str) -> Recording:
    """Make the recording of a run.

    Raises:
        NotFound: there is no such run.
        RecordingBroken: parts of it were erased, or it is part of another run.
    """
    entries = _with_inner_runs(journal, find_run(journal, run))
    portable = Portable(journal)
    steps = tuple(
        Step(number=n, at=e.at.isoformat(), run=e.run, place=e.place, kind=e.event.kind, facts=portable.facts(e.event))
        for n, e in enumerate(entries, 1)
    )
    return Recording(run=entries[0].run, thread=entries[0].thread, steps=steps, bodies=portable.bodies)


def _with_inner_runs(journal: Journal, entries: list[Entry]) -> list[Entry]:
    """Add the runs of graphs inside the graph, whatever their threads."""
    first, last = entries[0], entries[-1]
    if isinstance(first.event, events.RunStarted) and first.event.inside:
        raise RecordingBroken(
            what=f"run {first.run} is a part of run {first.event.inside}", where=first.place, fix="replay that one"
        )
    inner = (journal.of_run(run) for run in journal.runs_inside(first.run, first.seq, last.seq))
    within = (entry for run in inner for entry in run if entry.seq <= last.seq)
    found = sorted((*entries, *within), key=lambda entry: entry.seq)
    if any(entry.erased for entry in found):
        raise RecordingBroken(what=f"content of run {first.run} was erased", where="journal", fix=_ERASED)
    return found


def exported(recording: Recording) -> bytes:
    """Write a recording as one JSON document that carries its own SHA-256."""
    document = _document(recording)
    return orjson.dumps({**document, "sha256": _hash(document)})


def _document(recording: Recording) -> dict[str, Any]:
    return {
        "interlock_recording": FORMAT,
        "run": recording.run,
        "thread": recording.thread,
        "steps": [vars(step) for step in recording.steps],
        "bodies": recording.bodies,
    }


def imported(data: bytes, where: str) -> Recording:
    """Read what `exported` wrote.

    Raises:
        RecordingBroken: it is truncated or edited, of a newer version, or something else.
    """
    try:
        found: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise RecordingBroken(what=f"it is cut off, or no recording: {error}", where=where, fix=_EXPORT) from error
    if not isinstance(found, dict) or "interlock_recording" not in found:
        raise RecordingBroken(what="it is no recording", where=where, fix=_EXPORT)
    document = cast(dict[str, Any], found)
    if (version := document["interlock_recording"]) != FORMAT:
        raise RecordingBroken(
            what=f"it has format {version}, this Interlock reads {FORMAT}", where=where, fix="use a newer Interlock"
        )
    if document.pop("sha256", None) != _hash(document):
        raise RecordingBroken(what="it was changed since it was written", where=where, fix=_EXPORT)
    try:
        return _read(document)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise RecordingBroken(what=f"a part of it cannot be read: {error}", where=where, fix=_EXPORT) from error


def _read(document: dict[str, Any]) -> Recording:
    """Make a recording of a document, and make sure that everything it refers to is there."""
    steps = tuple(_step(Step(**step)) for step in document["steps"])
    found = Recording(run=document["run"], thread=document["thread"], steps=steps, bodies=document["bodies"])
    if strange := [digest for digest, body in found.bodies.items() if digest != _hash(body)]:
        raise ValueError(f"{strange[0]} is not the hash of what it names")
    events.RunStarted.model_validate(found.started)
    found.messages(found.started["history"])
    return found


def _step(step: Step) -> Step:
    """Complete the facts of an earlier version, which knew fewer."""
    event = events.KINDS[step.kind].model_validate({**step.facts, "kind": step.kind})
    return replace(step, facts=event.model_dump(mode="json", exclude={"kind"}))


def recordings_in(folder: Path) -> Iterator[tuple[Path, Recording]]:
    """List the recordings that lie in a folder, at any depth."""
    for file in sorted(folder.rglob("*.json")):
        with suppress(RecordingBroken, OSError):
            yield file, imported(file.read_bytes(), str(file))


def path_of(place: str) -> str:
    """Name where the graph of a place stands in the graphs around it; empty at the top."""
    return place[: place.rfind("/") + 1]


_EXPORT = "write it anew with `interlock trace export RUN`"


def places_of(steps: Iterable[Step]) -> list[str]:
    """List the places of steps in the order in which they first come."""
    return list(dict.fromkeys(step.place for step in steps))


def _hash(body: Any) -> str:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
