"""Signed proof that memories were erased: who holds it can search the files again, without knowing what was erased."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from interlock.memory.fingerprints import SIZES, Fingerprints
from interlock.memory.layout import usable
from interlock.runtime.errors import BadInput
from interlock.runtime.keys import kept_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY = "receipts.key"


class Receipt(BaseModel, frozen=True, extra="forbid"):
    """What was erased, for whom and when, as fingerprints; signed with the key of the home."""

    format: int = 1
    tenant: str
    user: str
    ids: tuple[str, ...]
    """The memories that were erased."""
    everything: bool = False
    """Whether all that was held on the user was erased: runs, threads and approvals, too."""
    at: datetime
    row: int = 0
    """The journal's row that says so; 0 where nothing in the journal held it."""
    row_hash: str = ""
    files: int
    """How many files were searched after the erasure, and found free of what was erased."""
    size: int
    """How many bytes they had."""
    elsewhere: dict[str, int] = {}
    """Pieces of it that files in the home hold which are not Interlock's, such as a tool's own database."""
    servers: tuple[str, ...] = ()
    """Servers that held some of it: Chroma's, told to overwrite and delete it, and that of a database elsewhere, whose
    rows were searched. Their files, logs and backups were not."""
    unsearched: int = 0
    """Texts too short to be told from others by their bytes, or too many to search for each."""
    salt: str
    digests: tuple[str, ...]
    hashes: dict[int, tuple[int, ...]]
    key: str = ""
    """Public half of the key, 64 hexadecimal digits."""
    signature: str = ""

    def statement(self) -> bytes:
        """Give the bytes that are signed."""
        body = self.model_dump(mode="json", exclude={"signature"})
        return b"interlock erasure 1\n" + json.dumps(body, sort_keys=True).encode()

    def signed(self, home: Path) -> "Receipt":
        """Sign it with the home's key, which is made when it is first needed."""
        key = _key(home / "memory" / KEY)
        named = self.model_copy(update={"key": key.public_key().public_bytes_raw().hex()})
        return named.model_copy(update={"signature": key.sign(named.statement()).hex()})

    def holds(self) -> bool:
        """Tell whether the signature fits."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            public.verify(bytes.fromhex(self.signature), self.statement())
        except (InvalidSignature, ValueError):
            return False
        return True

    def fingerprints(self) -> Fingerprints:
        return prints_of(self.model_dump(include={"salt", "digests", "hashes"}))


class Verified(BaseModel, frozen=True, extra="forbid"):
    """What a search of the files for what a receipt says was erased has brought."""

    ok: bool
    signed: bool
    """Whether the receipt is as it was signed, by the key of this home."""
    on_record: bool = True
    """Whether the journal has the row that the receipt names, if it names one."""
    files: int
    size: int
    found: dict[str, int]
    """Windows found, by file."""
    elsewhere: dict[str, int] = {}
    """Windows found in files that are not Interlock's, and that the receipt names."""
    servers: tuple[str, ...] = ()
    """Chroma servers that had vectors of the user, whose files were not searched."""


def read_receipt(text: str) -> Receipt:
    """Read a receipt: JSON text.

    Raises:
        BadInput: it is none.
    """
    try:
        return Receipt.model_validate_json(text)
    except ValidationError as error:
        raise BadInput(what="this is no receipt", where="RECEIPT", fix="give what `memory forget` printed") from error


def is_receipt(file: Path, home: Path) -> bool:
    """Tell whether a file is a receipt that this home has signed: it names what was erased, and holds none of it."""
    try:
        receipt = read_receipt(file.read_text(encoding="utf-8"))
    except (BadInput, OSError, UnicodeDecodeError):
        return False
    return receipt.holds() and receipt.key == known_key(home)


def known_key(home: Path) -> str:
    """Give the public key of the home; empty where it has none."""
    file = home / "memory" / KEY
    return _key(file).public_key().public_bytes_raw().hex() if file.exists() else ""


def fields_of(prints: Fingerprints) -> dict[str, Any]:
    """Write fingerprints as a receipt's fields."""
    return {
        "salt": prints.salt.hex(),
        "digests": tuple(sorted(digest.hex() for digest in prints.digests)),
        "hashes": {size: tuple(int(h) for h in hashes) for size, hashes in prints.hashes.items()},
    }


def prints_of(fields: dict[str, Any]) -> Fingerprints:
    """Read fingerprints from what `fields_of` made, or from its JSON."""
    import numpy as np

    hashes = {int(size): found for size, found in fields["hashes"].items()}
    return Fingerprints(
        salt=bytes.fromhex(fields["salt"]),
        digests=frozenset(bytes.fromhex(digest) for digest in fields["digests"]),
        hashes={size: np.array(hashes.get(size, ()), dtype=np.uint32) for size in SIZES},
    )


def size_of(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _key(path: Path) -> "Ed25519PrivateKey":
    with usable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        return kept_key(path)
