"""A connection to Postgres that the threads of a process share, and that is made anew once it was lost."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import IntLoader

from interlock.runtime.errors import DatabaseUnreachable, JournalBroken, StillRead
from interlock.runtime.storage.postgres_address import Address

Connection = psycopg.Connection[tuple[Any, ...]]
Given = TypeVar("Given")

_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3}
_SESSION = {
    "lock_timeout": "45s",
    # A machine that freezes, or falls off the network, in the middle of a write must not stop all the others.
    "idle_in_transaction_session_timeout": "30s",
    "tcp_user_timeout": "30s",
}
_HAS_TRANSACTION_TIMEOUT = 170000
ANOTHER = "UPDATE meta SET value = value + 1 WHERE name = 'destroyed'"
"""Counts that something was destroyed which processes may keep in memory; they look at `DESTROYED`."""
DESTROYED = "SELECT value FROM meta WHERE name = 'destroyed'"
_FIX = "check INTERLOCK_DATABASE, the server and its log; what was committed is kept"


def run(connection: Connection, sql: str, values: Any = None) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run SQL of our own making."""
    return connection.execute(sql.encode(), values)


class Link:
    """Connects when first used. Whoever uses the connection holds `lock`."""

    def __init__(self, address: Address, *, brief: bool = False) -> None:
        """Name it. What a `brief` one does is over soon, or its process has frozen, and is ended by the server."""
        self.address = address
        self._brief = brief
        self.lock = threading.RLock()
        key = hashlib.sha256(f"interlock {address.schema}".encode()).digest()
        self.one_writer = f"SELECT pg_advisory_xact_lock({int.from_bytes(key[:8], signed=True)})"
        """Waits until no other transaction writes, on any machine."""
        self.alone = f"SELECT pg_try_advisory_lock({int.from_bytes(key[8:16], signed=True)})"
        """Tells whether this session may do what one of all may do at a time; it may until it ends."""
        self.made = 0
        """How often it was connected."""
        self._connection: Connection | None = None

    def connected(self) -> Connection:
        """Give a connection, which may have been lost since it was last used.

        Raises:
            DatabaseUnreachable: there is no server, or it refuses us.
        """
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self.made += 1
        return self._connection

    def asked(self, do: Callable[[Connection], Given]) -> Given:
        """Do what may be done twice; it is done again where the connection turns out to be lost."""
        connection = self.connected()
        try:
            return do(connection)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            return do(self.connected())

    def destroyed(self) -> int:
        """Count how often something was destroyed that processes may keep in memory."""
        ((count,),) = run(self.connected(), DESTROYED).fetchall()
        return int(count)

    def has(self, connection: Connection, table: str) -> bool:
        """Tell whether there is such a table."""
        # Not `to_regclass`, which may answer from what the session knew before it waited for a lock.
        sql = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = %s"
        return run(connection, sql, (self.address.schema, table)).fetchone() == (1,)

    def rewrite(self, tables: Iterable[str]) -> None:
        """Write tables anew, so that nothing that was deleted lies in their files.

        Raises:
            StillRead: somebody else reads them for too long.
            JournalBroken: they could not be written anew.
        """
        with self.lock:
            try:
                connection = self.connected()
                for table in (name for name in tables if self.has(connection, name)):
                    run(connection, f"VACUUM FULL {table}")
            except psycopg.errors.LockNotAvailable as error:
                what, fix = "erased, but another process still reads", "end what else reads there, and forget again"
                raise StillRead(what=what, where=self.address.where, fix=fix) from error
            except psycopg.Error as error:
                what = f"erased, but cannot write {self.address.where} anew: {self.told(error)}"
                raise JournalBroken(what=what) from error

    def end_alone(self) -> None:
        """Let others do what one may do at a time; with a session that is lost, that went."""
        with self.lock:
            if self._connection is not None and not self._connection.closed:
                run(self._connection, self.alone.replace("pg_try_advisory_lock", "pg_advisory_unlock"))

    def roll_back(self) -> None:
        """Let go of what was not committed."""
        connection = self._connection
        if connection is None or connection.closed or connection.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            run(connection, "ROLLBACK")
        except psycopg.Error:
            connection.close()

    def told(self, error: psycopg.Error) -> str:
        """Say what a server complained of, on one line and without the password."""
        said = error.diag.message_primary or str(error)  # the details of a refusal repeat what a row holds
        return self.address.hidden(" ".join(said.split())) or type(error).__name__

    def close(self) -> None:
        """Close the connection; the next use makes another."""
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __del__(self) -> None:
        self.close()

    def _connect(self) -> Connection:
        given: dict[str, Any] = {"application_name": "interlock", **_PATIENCE, **self.address.parameters}
        session = {"search_path": self.address.schema, **_SESSION}
        options = " ".join(f"-c {name}={value}" for name, value in session.items())
        given["options"] = f"{given.get('options') or ''} {options}".strip()
        try:
            connection = psycopg.connect(make_conninfo("", **given), autocommit=True)
        except (psycopg.Error, OSError) as error:
            what = self.told(error) if isinstance(error, psycopg.Error) else str(error)
            raise DatabaseUnreachable(
                what=f"cannot reach the database: {what}", where=self.address.where, fix=_FIX
            ) from None
        if self._brief and connection.info.server_version >= _HAS_TRANSACTION_TIMEOUT:
            run(connection, "SET transaction_timeout = '30s'")
        connection.adapters.register_loader("numeric", IntLoader)  # sums of whole numbers are numeric there
        return connection
