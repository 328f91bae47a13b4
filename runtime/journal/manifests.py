"""Manifests read and compared: what decides how an agent behaves, by content hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from interlock.runtime.errors import NotFound
from interlock.runtime.journal.events import RunStarted
from interlock.runtime.journal.journal import Entry, Journal


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Say what differs between two manifests, one line for each difference."""
    return list(_changes("", before, after))


def _changes(at: str, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            inside = f"{at}.{name}" if at else str(name)  # pyright: ignore[reportUnknownArgumentType]
            yield from _changes(inside, before.get(name), after.get(name))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        return
    yield f"{at}: {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return " ".join(_shown(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    text = str(value)
    return text[:12] if len(text) == 64 else text  # noqa: PLR2004  # a SHA-256 is told by its beginning


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest as runs were made under it."""

    hash: str
    facts: dict[str, Any]
    first: datetime
    last: datetime
    runs: int

    @property
    def agent(self) -> str:
        """Whose it is."""
        return str(self.facts.get("agent", ""))


def manifest_of(journal: Journal, run: str) -> Manifest | None:
    """Give the manifest under which a run was begun; None where it was not kept."""
    entries = journal.of_run(run)
    return next((_manifest(journal, [entry]) for entry in entries if isinstance(entry.event, RunStarted)), None)


def list_manifests(journal: Journal) -> list[Manifest]:
    """List the manifests that runs were made under, newest first."""
    groups: dict[str, list[Entry]] = {}
    for entry in journal.of_kind("run_started"):
        if isinstance(entry.event, RunStarted):
            groups.setdefault(entry.event.manifest, []).append(entry)
    found = [made for entries in groups.values() if (made := _manifest(journal, entries)) is not None]
    return sorted(found, key=lambda one: one.last, reverse=True)


def find_manifest(journal: Journal, name: str) -> Manifest:
    """Give the manifest whose hash begins so, or under which the run of that id was made.

    Raises:
        NotFound: there is none, or more than one.
    """
    found = [one for one in list_manifests(journal) if name and one.hash.startswith(name)]
    if not found and name and (of_run := manifest_of(journal, name)) is not None:
        return of_run
    if len(found) != 1:
        what = f"{len(found)} manifests begin with {name!r}" if found else f"no manifest {name!r}"
        raise NotFound(what=what, where="journal", fix="`interlock versions` names them")
    return found[0]


def _manifest(journal: Journal, entries: list[Entry]) -> Manifest | None:
    started = entries[-1].event
    assert isinstance(started, RunStarted)  # noqa: S101  # asked for by kind
    facts = journal.payload(started.manifest_kept) if started.manifest_kept else None
    if facts is None:
        return None
    return Manifest(
        hash=started.manifest, facts=facts, first=entries[0].at, last=entries[-1].at, runs=len(entries)
    )  # fmt: skip
