"""Move a user's vectors from one place to another, and know where some were left."""

import json
import sqlite3

from interlock.memory.pending import Pending
from interlock.memory.places import COLLECTION, InFolder, Place
from interlock.memory.truth import Truth
from interlock.runtime.errors import HomeUnusable

SERVER, LEFT = "server", "left"
"""Names of the table's notes on the server that has the vectors, and on those where vectors were left behind."""


def require_here(truth: Truth, place: Place) -> None:
    """Refuse to look for vectors in a place where they are not.

    Raises:
        HomeUnusable: they lie on a server, and this is another one, or none.
    """
    if (lie := truth.meta(SERVER)) and lie != place.url:
        fix = f"set INTERLOCK_CHROMA={lie} (or name the agent), or move them with `interlock memory reindex`"
        where = f"on the Chroma server {place.url}" if place.url else str(truth.folder)
        raise HomeUnusable(what=f"the vectors of this memory lie on the Chroma server {lie}", where=where, fix=fix)


def take_over(truth: Truth, place: Place, embedder: str) -> None:
    """Give the vectors that lie in the folder to the server that is to have them. Cut off, it goes on the next time."""
    if not place.url:
        return
    folder, pending = InFolder(folder=truth.folder), Pending(truth)
    if truth.meta(SERVER) != place.url:
        found = {}
        if folder.exists():
            index = folder.open(embedder)
            try:
                found = index.read_all()
            finally:
                index.close()
        pending.give_back(found, {SERVER: place.url})
    if folder.exists():
        folder.discard()


def resettle(db: sqlite3.Connection, truth: Truth, place: Place) -> None:
    """Note that from now on the vectors belong to a place, whatever lies elsewhere."""
    lay = truth.meta(SERVER) or ""
    if lay and lay != place.url:
        truth.set_meta(db, {LEFT: json.dumps(sorted({*_left(truth), lay}))})
        db.execute("DELETE FROM meta WHERE name = ?", (COLLECTION,))
    truth.set_meta(db, {SERVER: place.url})


def servers_of(truth: Truth) -> tuple[str, ...]:
    """List the servers that hold vectors of the user, or whose files may."""
    return tuple(sorted({*_left(truth), *filter(None, [truth.meta(SERVER)])}))


def _left(truth: Truth) -> list[str]:
    found: list[str] = json.loads(truth.meta(LEFT) or "[]")
    return found
