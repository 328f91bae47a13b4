"""Which database a home belongs to: its own file, or one elsewhere. Without it a home would silently begin anew.

What is kept of a database elsewhere is where it was, without a password, and the number by which it is known again;
and a name for the home, since others share the database.
"""

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.runtime.errors import HomeUnusable

if TYPE_CHECKING:
    from interlock.runtime.storage.postgres import PostgresDatabase

FILE = "database.json"
JOURNAL = "journal.db"


def require_here(home: Path) -> None:
    """Refuse to look for the journal in a home whose journal is elsewhere.

    Raises:
        HomeUnusable: it is.
    """
    if (home / FILE).exists():
        where = _kept(home)[0]
        fix = "set INTERLOCK_DATABASE, or give Home(database=...)"
        raise HomeUnusable(what=f"this home's journal is in {where}", where=str(home), fix=fix)


def require_none_here(home: Path) -> None:
    """Refuse to put the journal elsewhere where it is here.

    Raises:
        HomeUnusable: it is.
    """
    if (home / JOURNAL).exists():
        fix = "use another --home for the database, or leave INTERLOCK_DATABASE out"
        raise HomeUnusable(what="this home's journal is in its own folder", where=str(home), fix=fix)


def bind(home: Path, database: "PostgresDatabase", *, reading: bool) -> None:
    """Note which database a home belongs to; with `reading`, only where it belongs to one already.

    Raises:
        HomeUnusable: it belongs to another, or the note cannot be written.
    """
    file = home / FILE
    if file.exists():
        where, identity, _ = _kept(home)
        if identity != database.identity:
            fix = f"set INTERLOCK_DATABASE to it, or use another --home for {database.where}"
            raise HomeUnusable(what=f"this home's journal is in another database, {where}", where=str(home), fix=fix)
    elif not reading:
        new = file.with_suffix(f".{os.getpid()}")
        kept = {"where": database.where, "identity": database.identity, "home": secrets.token_hex(6)}
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(file)


def name_of(home: Path) -> str:
    """Name a home among those that share its database."""
    return _kept(home)[2]


def _kept(home: Path) -> tuple[str, int, str]:
    file = home / FILE
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return str(kept["where"]), int(kept["identity"]), str(kept["home"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "restore it, or remove it and set INTERLOCK_DATABASE to the database that it named"
        raise HomeUnusable(what="the note of where the journal is cannot be read", where=str(file), fix=fix) from error
