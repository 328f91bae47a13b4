"""The journal as JSON lines that a stranger can verify with docs/verify_export.py alone."""

from collections.abc import Iterator

import orjson

from interlock.runtime.journal.journal import ALL, FORMAT, PAYLOADS
from interlock.runtime.journal.seals import last_cut, sealed
from interlock.runtime.storage.database import Database


def export(database: Database, *, content: bool = False) -> Iterator[str]:
    """Give one JSON document a line: a beginning, the cut if rows were pruned, the rows in order, the seals, the end.

    Args:
        content: also what people wrote and tools returned, with the keys that bind it to the rows. Without it the lines
            hold digests in its place, and can be shown to strangers.
    """
    rows = database.read(ALL)
    yield _line(type="interlock-journal", format=FORMAT, hash="SHA-256(previous hash, newline, head)")
    if (cut := last_cut(database)) is not None:
        yield _line(type="cut", **vars(cut))
    for seq, _run, _thread, _kind, head, hash_ in rows:
        yield _line(type="row", seq=seq, head=head, hash=hash_)
    for seal in sealed(database):
        yield _line(type="seal", **vars(seal))
    if content:
        for digest, _subject, body, key in database.read(PAYLOADS):
            if body is not None and key is not None:
                yield _line(type="payload", digest=digest, key=key.hex(), body=body.decode())
    yield _line(type="end", rows=len(rows), head=rows[-1][5] if rows else "0" * 64)


def _line(**facts: object) -> str:
    return orjson.dumps(facts).decode()
