"""Forget so that nothing is left in the files, say so in a signed receipt, and check such a receipt."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from interlock.memory.fingerprints import PER_BLOB, PER_TEXT, Fingerprints, fragments, windows
from interlock.memory.moving import servers_of
from interlock.memory.receipts import Receipt, Verified, fields_of, known_key, size_of
from interlock.memory.shelf import Shelf
from interlock.runtime.errors import ErasureIncomplete, OnHold
from interlock.runtime.memories import Owner

MOST = 20_000
"""Texts, and vectors, that one erasure is searched for; of more than that, the longest."""


def forget(shelf: Shelf, ids: Sequence[str], *, home: Path, owner: Owner, now: datetime) -> Receipt:
    """Erase memories with all that was derived from them.

    Raises:
        OnHold: a legal hold forbids it.
        ErasureIncomplete: a search of the files afterwards found some of it.
    """
    require_no_hold(shelf, owner)
    found, unsearched = cut(*shelf.material(ids))
    prints = Fingerprints.of(secrets.token_bytes(16), found)
    shelf.forget(ids)
    prints, remaining = _left(shelf, prints, ids)
    if remaining:
        shelf.rebuild()
        prints, remaining = _left(shelf, prints, ids)
    if remaining:
        raise ErasureIncomplete(files=tuple(remaining), left=sum(remaining.values()))
    files = shelf.files()
    receipt = Receipt(
        tenant=owner.tenant,
        user=owner.user,
        ids=tuple(ids),
        at=now,
        files=len(files),
        size=size_of(files),
        unsearched=unsearched,
        servers=servers_of(shelf.truth),
        **fields_of(prints),
    )
    return receipt.signed(home)


def require_no_hold(shelf: Shelf, owner: Owner) -> None:
    """Refuse to erase what a hold keeps.

    Raises:
        OnHold: there is one.
    """
    if reason := shelf.truth.meta("hold"):
        what, fix = f"memories are on hold: {reason}", "release the hold first"
        raise OnHold(what=what, where=f"user {owner.user!r}", fix=fix)


def cut(texts: Iterable[str], blobs: Sequence[bytes]) -> tuple[list[bytes], int]:
    """Cut the windows by which texts and vectors are found again; gives, too, how many texts have none."""
    parts = {text: fragments(text) for text in texts}
    wanted = sorted({part for found in parts.values() for part in found}, key=len, reverse=True)[:MOST]
    searched = set(wanted)
    each = max(1, min(PER_TEXT, MOST // max(1, len(wanted))))
    found = [window for part in wanted for window in windows(part, each)]
    each = max(1, min(PER_BLOB, MOST // max(1, len(blobs))))
    found += [window for blob in blobs[:MOST] for window in windows(blob, each)]
    return found, sum(not searched.intersection(made) for made in parts.values())


def _left(shelf: Shelf, prints: Fingerprints, ids: Collection[str]) -> tuple[Fingerprints, dict[str, int]]:
    """Search the user's files; what is there by right is taken out of the fingerprints."""
    found = {file: hits for file in shelf.files() if (hits := prints.found_in_file(file))}
    if not found:
        return prints, {}
    rightful = shelf.held({digest: window for hits in found.values() for digest, window in hits.items()}, but=ids)
    left = {str(file): len(hits.keys() - rightful) for file, hits in found.items() if hits.keys() - rightful}
    return prints.without(rightful), left


def verify(shelf: Shelf | None, receipt: Receipt, *, home: Path, elsewhere: Sequence[Path] = ()) -> Verified:
    """Search the user's files, and others, for what a receipt says was erased.

    What the user has told again since is no remainder: it is known to the table, and left out.
    """
    prints, found = receipt.fingerprints(), dict[str, int]()
    if shelf is not None:
        prints, found = _left(shelf, prints, receipt.ids)
    others = [path for path in elsewhere if path.is_file()]
    found |= prints.found_in_files(others)
    files = [*(shelf.files() if shelf else ()), *others]
    signed = receipt.holds() and receipt.key == known_key(home)
    return Verified(
        ok=signed and not found,
        signed=signed,
        files=len(files),
        size=size_of(files),
        found=found,
        servers=receipt.servers,
    )
