"""A Postgres database keeps the promises of the SQLite file: one writer, all or nothing, nothing lost."""

import threading
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest

from _postgres import PASSWORD, Server
from interlock.runtime.errors import BadInput, DatabaseUnreachable, HomeUnusable, JournalBroken, NotFound
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.journal.events import Noted
from interlock.runtime.journal.journal import Scope
from interlock.runtime.records import Usage
from interlock.runtime.storage.postgres import PostgresDatabase
from interlock.runtime.storage.postgres_address import Address

SCOPE = Scope(run="r1", thread="t1", subject='["default","ann"]')


@pytest.fixture
def home(tmp_path: Path, url: str) -> Generator[Home]:
    home = Home(tmp_path / "home", database=url)
    yield home
    home.close()


def note(home: Home, what: str = "x") -> None:
    with home.database.transaction() as tx:
        home.journal.append(tx, SCOPE, "1.node", Noted(what=what, facts={}))


def joined(home: Home, folder: Path, url: str) -> Home:
    """Make the home of another machine that shares the database and the key."""
    folder.mkdir()
    (folder / "audit.key").write_bytes((home.path / "audit.key").read_bytes())
    return Home(folder, database=url)


def test_two_homes_write_one_chain(home: Home, tmp_path: Path, url: str) -> None:
    note(home)
    other = joined(home, tmp_path / "other", url)
    homes = (home, other)

    def write(one: Home) -> None:
        for _ in range(40):
            note(one)

    threads = [threading.Thread(target=write, args=(one,)) for one in homes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [verify(one.database) for one in homes]
    other.close()
    assert [(verdict.rows, verdict.ok) for verdict in found] == [(81, True), (81, True)]


def test_machines_that_open_an_empty_database_at_once_all_come_in(home: Home, tmp_path: Path, postgres: Server) -> None:
    note(home)
    url, failed = postgres.url(), list[Exception]()
    homes = [joined(home, tmp_path / f"other{n}", url) for n in range(6)]

    def come(one: Home) -> None:
        try:
            one.saver()
            note(one)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=come, args=(one,)) for one in homes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert verify(homes[0].database).rows == 6
    for one in homes:
        one.close()


def test_what_a_block_wrote_that_failed_is_not_there(home: Home) -> None:
    note(home)

    with pytest.raises(ZeroDivisionError), home.database.transaction() as tx:
        home.journal.append(tx, SCOPE, "1.node", Noted(what="y", facts={}))
        _ = 1 / 0

    assert [entry.event for entry in home.journal.everything()] == [Noted(what="x", facts={})]


def test_a_restart_between_two_writes_is_not_noticed(home: Home, postgres: Server) -> None:
    note(home)
    postgres.stop()
    postgres.start()

    note(home)

    assert verify(home.database).rows == 2


def test_a_server_that_dies_in_a_transaction_leaves_nothing_of_it(home: Home, postgres: Server) -> None:
    note(home)

    lost = r"cannot write postgresql://.*what could not be written was not done"
    with pytest.raises(JournalBroken, match=lost), home.database.transaction() as tx:
        postgres.stop()
        home.journal.append(tx, SCOPE, "1.node", Noted(what="y", facts={}))
    postgres.start()
    note(home, "z")

    assert [entry.seq for entry in home.journal.everything()] == [1, 2]
    assert verify(home.database).ok


def test_a_server_that_dies_in_a_commit_leaves_open_whether_it_was_done(home: Home, postgres: Server) -> None:
    note(home)

    unknown = "the database was lost while it committed; whether it did is not known"
    with pytest.raises(JournalBroken, match=unknown), home.database.transaction() as tx:
        home.journal.append(tx, SCOPE, "1.node", Noted(what="y", facts={}))
        postgres.stop()
    postgres.start()

    assert verify(home.database).ok


def test_while_there_is_no_server_nothing_is_written_and_nothing_read(home: Home, postgres: Server) -> None:
    note(home)
    postgres.stop()
    try:
        with pytest.raises(JournalBroken, match="no effect without a journal: cannot reach the database"):
            note(home)
        with pytest.raises(DatabaseUnreachable, match="cannot reach the database"):
            home.journal.of_run("r1")
    finally:
        postgres.start()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((PASSWORD, "n0t-it"), "password authentication failed"),
        (("127.0.0.1", "nowhere.invalid"), "nowhere.invalid"),
        (("/test", "/never"), "does not exist"),
    ],
)
def test_a_server_that_cannot_be_used_is_named_without_the_password(
    tmp_path: Path, url: str, change: tuple[str, str], said: str
) -> None:
    home = Home(tmp_path, database=url.replace(*change))

    with pytest.raises(DatabaseUnreachable, match=said) as caught:
        _ = home.database

    assert PASSWORD not in str(caught.value)
    assert "n0t-it" not in str(caught.value)
    assert "n0t-it" not in repr(vars(home))


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://u:s3cret@h/d",
        "postgresql://u:s3@cret@h/d",
        "postgresql://u:12/s3cret@h/d",
        "postgresql://u:12#s3cret@h/d",
        "postgresql://u:s3cret@h:port/d?nonsense=1",
        "postgresql://u:s3cret@[h/d",
        "postgresql://u:s3cret@h/d?schema=a-b",
        "s3cret",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(BadInput, match="the database's URL cannot be used") as caught:
        Address.of(wrong)

    assert "s3" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://u:s3cret@h/d", "postgresql://h:5432/d, schema interlock"),
        ("postgres://u@h:99/d?schema=mine&sslmode=require", "postgresql://h:99/d, schema mine"),
        ("postgresql:///d?host=/run/sockets&schema=mine", "postgresql:///run/sockets:5432/d, schema mine"),
        ("postgresql://u:a%40b%3F@[::1]/d", "postgresql://::1:5432/d, schema interlock"),
    ],
)
def test_an_address_is_shown_without_user_and_password(url: str, where: str) -> None:
    address = Address.of(url)

    assert address.where == where
    assert "s3cret" not in repr(address)


def test_schemas_of_one_database_know_nothing_of_each_other(home: Home, tmp_path: Path, url: str) -> None:
    note(home)

    other = Home(tmp_path / "other", database=f"{url}?schema=second")

    assert [*other.journal.everything()] == []
    other.close()


def test_tables_of_another_version_are_refused(home: Home, postgres: Server, url: str) -> None:
    _ = home.database
    home.close()
    postgres.admin("UPDATE interlock.meta SET value = 99 WHERE name = 'schema'", url.rpartition("/")[2])

    with pytest.raises(HomeUnusable, match="written by schema version 99"):
        _ = home.database


def test_who_only_reads_makes_no_tables(url: str) -> None:
    with pytest.raises(NotFound, match="nothing has been recorded here"):
        PostgresDatabase(url, reading=True)


def test_a_home_opened_without_its_database_begins_no_new_journal(home: Home) -> None:
    note(home)

    with pytest.raises(HomeUnusable, match=r"this home's journal is in postgresql://127.*set INTERLOCK_DATABASE"):
        _ = Home(home.path).database

    assert not (home.path / "journal.db").exists()
    assert PASSWORD not in (home.path / "database.json").read_text()


def test_a_home_is_not_opened_with_another_database(home: Home, postgres: Server) -> None:
    note(home)

    with pytest.raises(HomeUnusable, match="this home's journal is in another database"):
        _ = Home(home.path, database=postgres.url()).database


def test_a_journal_in_the_folder_is_not_left_behind(tmp_path: Path, url: str) -> None:
    with Home(tmp_path).database.transaction():
        pass

    with pytest.raises(HomeUnusable, match="this home's journal is in its own folder"):
        _ = Home(tmp_path, database=url).database


def test_a_home_without_the_key_of_the_journal_is_refused(home: Home, tmp_path: Path, url: str) -> None:
    note(home)

    with pytest.raises(HomeUnusable, match=r"sealed with a key that this home does not have.*copy audit\.key"):
        _ = Home(tmp_path / "other", database=url).database


def test_text_that_postgres_cannot_hold_is_a_clear_error(home: Home) -> None:
    with pytest.raises(JournalBroken, match="NUL"), home.database.transaction() as tx:
        home.journal.append(tx, Scope(run="r\0", thread="t", subject="s"), "1.node", Noted(what="y", facts={}))

    assert [*home.journal.everything()] == []


def test_money_is_counted_beyond_what_a_small_integer_holds(home: Home) -> None:
    with home.database.transaction() as tx:
        home.ledger.open(tx, "run r")
        for _ in range(3):
            home.ledger.charge(tx, "run r", Usage(usd=Decimal("1000000.000000001")))

    assert home.ledger.usage("run r").usd == Decimal("3000000.000000003")
