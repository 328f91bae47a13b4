"""Search every file of a home for what was erased, and tell remains from what stands there by right."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.memory.fingerprints import Fingerprints
from interlock.memory.receipts import is_receipt
from interlock.memory.truth import FILE

Row = dict[str, Any]
Windows = Mapping[bytes, bytes]
"""Pieces of what was erased, by digest."""
Gone = Callable[[str, Row], bool]
"""Tells of a table's row whether it is one that was erased, and has no right to be there."""
Held = Callable[[Windows], frozenset[bytes]]
"""Finds which windows stand by right among the person's memories."""

MOST_BYTES = 4
"""So many bytes a character of UTF-8 has at most."""
OURS = ("journal.db", "checkpoints.db", "audit.key", "erasing.lock")
_COPIES = ({"payloads", "subjects"}, {"checkpoints", "writes"}, {"memories", "tokens"})
"""Tables by which a copy of our files is known, whatever its name."""


@dataclass(frozen=True, kw_only=True)
class Remains:
    """Where a search found pieces of what was erased, by file."""

    ours: dict[str, int]
    others: dict[str, int]
    """Files that are not Interlock's, such as the database of a tool."""


def search(
    home: Path, prints: Fingerprints, *, own: Path, gone: Gone, held: Held, living: Callable[[], bytes] = bytes
) -> Remains:
    """Search all files of a home.

    Args:
        home: its folder.
        prints: what to search for.
        own: the folder of the person's memories.
        gone: which rows were erased.
        held: finds what stands by right in that folder; asked only where something was found.
        living: gives what stands by right in a database that is not in the home; asked only then, too.
    """
    found = {file: hits for file in files_of(home) if (hits := _hits(file, prints, home, own))}
    if not found:
        return Remains(ours={}, others={})
    windows = {digest: window for hits in found.values() for digest, window in hits.items()}
    there = living()
    rightful = held(windows) | {digest for digest, window in windows.items() if window in there}
    rightful |= _rightful((home / "journal.db", home / "checkpoints.db"), windows, gone)
    # Equal words of two people have equal vectors: that another one has them is no reason for them to lie here.
    others = (path for path in home.glob(f"memory/*/*/{FILE}") if path.parent != own)
    elsewhere = rightful | _rightful(others, windows, gone)
    left = {file: len(hits.keys() - (rightful if own in file.parents else elsewhere)) for file, hits in found.items()}
    ours = {file: count for file, count in left.items() if count and is_ours(file, home)}
    foreign = {file: len(hits) for file, hits in found.items() if not is_ours(file, home)}
    return Remains(ours={str(f): n for f, n in ours.items()}, others={str(f): n for f, n in foreign.items()})


def files_of(home: Path) -> list[Path]:
    """List all files in a home."""
    return sorted(path for path in home.rglob("*") if path.is_file())


def is_ours(file: Path, home: Path) -> bool:
    """Tell whether Interlock wrote a file, or it is a copy of one that it wrote."""
    top = file.relative_to(home).parts[0]
    if top == "memory" or top.startswith(OURS):
        return True
    base = file.with_name(file.name.removesuffix("-wal").removesuffix("-shm"))
    tables = _tables(base)
    return any(copied <= tables for copied in _COPIES)


def _hits(file: Path, prints: Fingerprints, home: Path, own: Path) -> Windows:
    """Search one file, but neither receipts nor others' vectors: equal words of two people have equal vectors."""
    parts = file.relative_to(home).parts
    theirs = parts[0] == "memory" and own not in file.parents
    if theirs and any(part.startswith("vectors") for part in parts):
        return {}
    hits = prints.found_in_file(file)
    if theirs:
        hits = {digest: window for digest, window in hits.items() if _is_text(window)}
    return {} if hits and is_receipt(file, home) else hits


def _is_text(window: bytes) -> bool:
    """Tell whether bytes were cut out of a text, perhaps in the midst of a character; a vector hardly decodes."""
    for start in range(MOST_BYTES):
        for end in range(MOST_BYTES):
            with suppress(UnicodeDecodeError):
                window[start : len(window) - end].decode()
                return True
    return False


def _rightful(tables: Iterable[Path], windows: Windows, gone: Gone) -> set[bytes]:
    found: set[bytes] = set()
    for path in tables:
        if path.exists():
            there = b"\x00".join(_living(path, gone))
            found.update(digest for digest, window in windows.items() if window in there)
    return found


def _living(path: Path, gone: Gone) -> Iterator[bytes]:
    """Give what stands in the rows of a database, as it is stored."""
    with closing(sqlite3.connect(path, timeout=30)) as base:
        base.row_factory = sqlite3.Row
        base.text_factory = bytes
        for table in _tables(path):
            for row in base.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  # a name from the file's own list
                if not gone(table, dict(zip(row.keys(), row, strict=True))):
                    yield from (value for value in row if isinstance(value, bytes))


def _tables(path: Path) -> set[str]:
    """List the tables of a database that hold rows of their own, but not an index of words; none for another file."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as base:
            found: Iterable[tuple[str, str]] = base.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
    except sqlite3.Error:
        return set()
    virtual = [name for name, sql in found if sql.startswith("CREATE VIRTUAL")]
    return {name for name, _ in found if not any(name == v or name.startswith(f"{v}_") for v in virtual)}
