"""Signed heads of the chain: who holds one can tell later whether anything up to it was changed, or cut off.

The key lies in the home, readable by its owner alone; only its public half is in a seal. A seal is made in the
transaction that ends a run, and every so many rows.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Column, Integer, Table, Text, bindparam, insert, select

from interlock.runtime.errors import BadInput, HomeUnusable, JournalBroken
from interlock.runtime.keys import kept_key
from interlock.runtime.storage.database import Database, Statement, Transaction, meta, metadata, unless_there

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

INTERVAL = 256
"""Rows after which the chain is sealed also within a run."""

ERASURE = "erased"
SEALED = ("run_ended", ERASURE)
"""Events whose rows are sealed at once."""

seals = Table(
    "seals",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("key", Text, nullable=False),  # public, 64 hexadecimal digits
    Column("signature", Text, nullable=False),
)
cuts = Table(
    "cuts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("signature", Text, nullable=False),
)
_AGREE = unless_there(meta)
_AGREED = Statement(select(meta.c.value).where(meta.c.name == bindparam("of")))
_ADD = Statement(insert(seals))
_CUT = Statement(insert(cuts))
_CUTS = Statement(select(cuts.c.seq, cuts.c.hash, cuts.c.at, cuts.c.key, cuts.c.signature).order_by(cuts.c.seq))
_ALL = Statement(select(seals.c.seq, seals.c.hash, seals.c.at, seals.c.key, seals.c.signature).order_by(seals.c.seq))
_OF = Statement(
    select(seals.c.seq, seals.c.hash, seals.c.at, seals.c.key, seals.c.signature).where(seals.c.seq == bindparam("of"))
)


@dataclass(frozen=True, kw_only=True)
class Seal:
    """A signed head: the chain had this hash at this row then."""

    seq: int
    hash: str
    at: str
    key: str
    signature: str

    def holds(self, what: str = "seal") -> bool:
        """Tell whether the signature fits."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            public.verify(bytes.fromhex(self.signature), statement(self.seq, self.hash, self.at, what))
        except (InvalidSignature, ValueError):
            return False
        return True

    def line(self) -> str:
        """Write it as one line that can be kept elsewhere."""
        return orjson.dumps(vars(self)).decode()


def statement(seq: int, hash: str, at: str, what: str = "seal") -> bytes:
    """Give the bytes that are signed."""
    return f"interlock {what} 1\n{seq}\n{hash}\n{at}".encode()


def read_head(text: str) -> Seal:
    """Read a head that was kept: the line itself, or a file that holds it.

    Raises:
        BadInput: it is neither.
    """
    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not path.is_file():
            raise BadInput(
                what=f"no such head {text!r}", where="--head", fix="give the line of `audit seal`, or a file"
            )
        text = path.read_text(encoding="utf-8")
    try:
        facts = orjson.loads(text)
        return Seal(**{name: facts[name] for name in ("seq", "hash", "at", "key", "signature")})
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadInput(what="this is no head", where="--head", fix="give what `audit seal` printed") from error


class Sealer:
    """Signs heads with the key of a home; makes the key when it is first needed."""

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        """Name the key of a home; one that is `shared` must be that of all homes with the same journal."""
        self._path = folder / "audit.key"
        self._agreed = not shared

    @cached_property
    def _key(self) -> "tuple[Ed25519PrivateKey, str]":

        try:
            key = kept_key(self._path)
        except (OSError, ValueError) as error:
            raise JournalBroken(what=f"cannot use the key {self._path}: {error}") from error
        return key, key.public_key().public_bytes_raw().hex()

    @property
    def public(self) -> str:
        """The public key, 64 hexadecimal digits."""
        return self._key[1]

    def agree(self, tx: Transaction) -> None:
        """Make sure that all who seal this journal do it with one key; the first decides.

        The key itself never comes to the database, where whoever can change rows could seal them anew.

        Raises:
            HomeUnusable: it is sealed with another key.
        """
        if self._agreed:
            return
        mine = int.from_bytes(hashlib.sha256(bytes.fromhex(self.public)).digest()[:7])
        new = tx.run(_AGREE, name="sealer", value=mine).rowcount
        if tx.one(_AGREED, of="sealer") != (mine,):
            fix = "copy audit.key from a home that shares this journal, readable by its owner alone"
            what = "the journal is sealed with a key that this home does not have"
            raise HomeUnusable(what=what, where=str(self._path), fix=fix)
        self._agreed = not new  # until it is committed

    def seal(self, tx: Transaction, seq: int, hash: str, at: datetime) -> Seal:
        """Sign a head and keep the seal beside the chain; gives the one that is there where it was sealed before."""
        if (row := tx.one(_OF, of=seq)) is not None:
            return _seal(row)
        self.agree(tx)
        key, public = self._key
        when = at.isoformat()
        signature = key.sign(statement(seq, hash, when)).hex()
        made = Seal(seq=seq, hash=hash, at=when, key=public, signature=signature)
        tx.run(_ADD, **vars(made))
        return made

    def cut(self, tx: Transaction, seq: int, hash: str, at: datetime) -> Seal:
        """Sign that the rows up to this one were removed by rule, and that the chain goes on from its hash."""
        self.agree(tx)
        key, public = self._key
        when = at.isoformat()
        signature = key.sign(statement(seq, hash, when, "cut")).hex()
        made = Seal(seq=seq, hash=hash, at=when, key=public, signature=signature)
        tx.run(_CUT, **vars(made))
        return made


def last_cut(database: Database) -> Seal | None:
    """Give the cut from which the chain goes on; None where nothing was pruned."""
    rows = database.read(_CUTS)
    return _seal(rows[-1]) if rows else None


def sealed(database: Database) -> list[Seal]:
    """List all seals, oldest first."""
    return [_seal(row) for row in database.read(_ALL)]


def _seal(row: "tuple[object, ...]") -> Seal:
    seq, hash, at, key, signature = row
    return Seal(seq=int(str(seq)), hash=str(hash), at=str(at), key=str(key), signature=str(signature))
