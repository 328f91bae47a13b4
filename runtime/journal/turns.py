"""Which turn of its thread a run is, also where the checkpoints have forgotten earlier ones.

Places carry the turn, and what happens once happens once at its place. A thread that no checkpointer keeps, or one that
keeps it in a process that is gone, would begin with turn 1 again; the journal remembers.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from interlock.runtime.journal.journal import Journal, events
from interlock.runtime.storage.database import Statement, Transaction

_AT_ONCE = 64
"""How many runs of a thread are looked through at a time."""
_END = 2**62
"""A row that no journal comes to."""

_BEGUN = Statement(
    select(events.c.seq, events.c.run, events.c.head)
    .where(
        events.c.thread == bindparam("of"),
        events.c.kind == "run_started",
        events.c.seq < bindparam("before"),
        events.c.head.like(bindparam("there"), escape="!"),
    )
    .order_by(events.c.seq.desc())
    .limit(_AT_ONCE)
)
_ENDED = Statement(
    select(events.c.head)
    .where(events.c.run == bindparam("of"), events.c.kind == "run_ended")
    .order_by(events.c.seq.desc())
    .limit(1)
)


def turn_after(
    tx: Transaction, journal: Journal, thread: str, path: str, *, turn: int, said: Sequence[dict[str, Any]], again: bool
) -> int:
    """Give the turn of a run that begins: a later one than that of any run before it at its place in its thread.

    A request that was begun and not done is the same request when it is made again in the same words: what it has done
    is not done twice.

    Args:
        path: where the graph stands in the graphs around it.
        turn: which one the checkpoints make it.
        said: the messages of the request, as the journal keeps them.
        again: whether one that was done may be made again too, by what has gone back to an earlier checkpoint.
    """
    last, run, asked = _last(tx, thread, path)
    if last < turn:
        return turn
    content = journal.payload(asked) if asked else None
    same = content is not None and _words(content["messages"]) == _words(said)
    return last if same and (again or not _is_done(tx, run)) else last + 1


def _last(tx: Transaction, thread: str, path: str) -> tuple[int, str, str | None]:
    """Find the last run at a path: its turn, its id, and the digest of what it was asked."""
    begins = orjson.dumps({"place": path}).decode()[1:-2]
    there = f"%{''.join('!' + one if one in '!%_' else one for one in begins)}%"
    before: int | None = _END
    while before is not None:
        rows = tx.all(_BEGUN, of=thread, there=there, before=before)
        for _, run, text in rows:
            head = orjson.loads(text)
            found, _, at = head["place"].rpartition("/")
            if found == path.removesuffix("/"):
                return int(at.partition(".")[0]), run, head["content"]
        before = rows[-1][0] if len(rows) == _AT_ONCE else None
    return 0, "", None


def _is_done(tx: Transaction, run: str) -> bool:
    ended = tx.one(_ENDED, of=run)
    return ended is not None and orjson.loads(ended[0])["facts"]["status"] == "done"


def _words(messages: Iterable[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(message["type"], message["content"]) for message in messages]
