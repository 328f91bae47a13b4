"""Forget so that nothing is left in the files, say so in a signed receipt, and check such a receipt."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from interlock.memory.fingerprints import Fingerprints
from interlock.memory.receipts import Receipt, Verified, fields_of, known_key, size_of
from interlock.memory.shelf import Shelf
from interlock.runtime.errors import ErasureIncomplete, OnHold
from interlock.runtime.memories import Owner


def erase(shelf: Shelf, ids: Sequence[str], *, home: Path, owner: Owner, now: datetime) -> Receipt:
    """Erase memories with all that was derived from them.

    Raises:
        OnHold: a legal hold forbids it.
        ErasureIncomplete: a search of the files afterwards found some of it.
    """
    if reason := shelf.truth.meta("hold"):
        what, fix = f"memories are on hold: {reason}", "release the hold first"
        raise OnHold(what=what, where=f"user {owner.user!r}", fix=fix)
    prints, unsearched = shelf.forget(ids)
    prints, found = _left(shelf, prints)
    if found:
        shelf.rebuild()
        prints, found = _left(shelf, prints)
    if found:
        raise ErasureIncomplete(files=tuple(found), left=sum(found.values()))
    files = shelf.files()
    receipt = Receipt(
        tenant=owner.tenant,
        user=owner.user,
        ids=tuple(ids),
        at=now,
        files=len(files),
        size=size_of(files),
        unsearched=unsearched,
        **fields_of(prints),
    )
    return receipt.signed(home)


def _left(shelf: Shelf, prints: Fingerprints) -> tuple[Fingerprints, dict[str, int]]:
    """Search the user's files; what is there by right is taken out of the fingerprints."""
    found = prints.found_in_files(shelf.files())
    if not found:
        return prints, {}
    prints = prints.without(shelf.held(prints))
    return prints, prints.found_in_files(shelf.files())


def verify(shelf: Shelf | None, receipt: Receipt, *, home: Path, elsewhere: Sequence[Path] = ()) -> Verified:
    """Search the user's files, and others, for what a receipt says was erased.

    What the user has told again since is no remainder: it is known to the table, and left out.
    """
    prints, found = receipt.fingerprints(), dict[str, int]()
    if shelf is not None:
        prints, found = _left(shelf, prints)
    others = [path for path in elsewhere if path.is_file()]
    found |= prints.found_in_files(others)
    files = [*(shelf.files() if shelf else ()), *others]
    signed = receipt.holds() and receipt.key == known_key(home)
    return Verified(ok=signed and not found, signed=signed, files=len(files), size=size_of(files), found=found)
