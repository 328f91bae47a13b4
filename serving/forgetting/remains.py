"""What is left of what was erased: a search of a home that knows which rows may be there."""

from collections.abc import Collection
from pathlib import Path

from interlock.memory.fingerprints import Fingerprints
from interlock.memory.layout import folder_of
from interlock.memory.receipts import Receipt, Verified, known_key, size_of
from interlock.memory.store import Store
from interlock.runtime.home import Home
from interlock.runtime.journal.contents import Contents
from interlock.runtime.journal.events import Erased
from interlock.runtime.journal.journal import ALL
from interlock.runtime.journal.seals import last_cut
from interlock.runtime.memories import Owner
from interlock.serving.forgetting.searching import Gone, Remains, Row, Windows, files_of, search
from interlock.serving.forgetting.tables import Tables

_CHECKPOINTS = ("checkpoints", "writes", "checkpoint_blobs", "checkpoint_writes")


def verify(home: Home, store: Store, receipt: Receipt, *, elsewhere: Collection[Path] = ()) -> Verified:
    """Search all files of a home, and others, for what a receipt says was erased.

    What the person has told again since is no remainder: the rows that hold it are younger than the erasure.
    """
    owner, prints = Owner(tenant=receipt.tenant, user=receipt.user), receipt.fingerprints()
    left = remains(home, store, prints, owner=owner, ids=receipt.ids, row=receipt.row)
    known = {name for name in left.others if Path(name).name in receipt.elsewhere}
    others = [path for path in elsewhere if path.is_file()]
    found = left.ours | {name: n for name, n in left.others.items() if name not in known}
    found |= prints.found_in_files(others)
    files = [*files_of(home.path), *others]
    signed = receipt.holds() and receipt.key == known_key(home.path)
    on_record = _on_record(home, receipt)
    return Verified(
        ok=signed and on_record and not found, signed=signed, on_record=on_record, files=len(files),
        size=size_of(files), found=found, elsewhere={name: left.others[name] for name in sorted(known)},
        servers=receipt.servers,
    )  # fmt: skip


def remains(home: Home, store: Store, prints: Fingerprints, *, owner: Owner, ids: Collection[str], row: int) -> Remains:
    """Search a home for fingerprints of what was erased.

    Args:
        home: the home.
        store: the memories in it.
        prints: what to search for.
        owner: whose it was.
        ids: the memories that were erased.
        row: the journal's row that says what else was; 0 where there is none.
    """

    def held(windows: Windows) -> frozenset[bytes]:
        if not store.holds_any(owner):
            return frozenset()
        with store.shelf(owner) as shelf:
            return shelf.held(windows, but=ids)

    own, gone = folder_of(home.path, owner.tenant, owner.user), _gone(home, row)
    if not home.elsewhere:
        return search(home.path, prints, own=own, gone=gone, held=held)
    tables = Tables(database=home.database, gone=gone)
    found = search(home.path, prints, own=own, gone=gone, held=held, living=tables.living)
    return Remains(ours=found.ours | tables.lying(prints, held), others=found.others)


def _gone(home: Home, row: int) -> Gone:
    """Make what tells rows that were erased from rows that may stand, even if they hold the same."""
    erased = next((entry.event for entry in home.journal.of_kind("erased") if entry.seq == row), None)
    if not isinstance(erased, Erased):
        return lambda _table, _values: False
    rows = home.database.read(ALL)
    used = Contents.read(home.database, rows).used
    digests = {digest for digest in erased.digests if used.get(digest, 0) < row}
    threads = set(erased.threads) - {thread for seq, _, thread, *_ in rows if seq > row}

    def gone(table: str, values: Row) -> bool:
        if table == "payloads":
            return _text(values["digest"]) in digests
        if table in _CHECKPOINTS:
            return _text(values["thread_id"]) in threads
        return False

    return gone


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _on_record(home: Home, receipt: Receipt) -> bool:
    """Tell whether the journal has the row that the receipt names, unless it was pruned."""
    if not receipt.row:
        return True
    pruned = last_cut(home.database)
    if pruned is not None and receipt.row <= pruned.seq:
        return True
    return home.journal.hash_of(receipt.row) == receipt.row_hash
