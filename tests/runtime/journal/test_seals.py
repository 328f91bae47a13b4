"""Seals, exports and the one question about who did what."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.journal.erasing import erase_all, held_of
from interlock.runtime.journal.events import Noted, RunEnded
from interlock.runtime.journal.export import export
from interlock.runtime.journal.journal import ALL, Scope
from interlock.runtime.journal.pruning import prune
from interlock.runtime.journal.seals import INTERVAL, Seal, read_head, sealed
from interlock.runtime.memories import Owner
from interlock.runtime.storage.database import Statement

SCOPE = Scope(run="r1", thread="t1", subject=Scope.subject_of("default", "7"))
SCRIPT = Path(__file__).parents[3] / "docs" / "verify_export.py"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", clock=ManualClock())
    yield home
    home.close()


def write(home: Home, rows: int, *, end: bool = True) -> None:
    with home.database.transaction() as tx:
        for n in range(rows):
            home.journal.append(tx, SCOPE, "1.node", Noted(what="check", facts={"n": n}))
        if end:
            home.journal.append(tx, SCOPE, "1.end", RunEnded(status="done"))


def do(home: Home, sql: str) -> None:
    with home.database.transaction() as tx:
        tx.run(Statement(text(sql)))


def kept(home: Home) -> Seal:
    head = home.journal.seal()
    assert head is not None
    return head


def test_the_end_of_a_run_and_every_so_many_rows_are_sealed(home: Home) -> None:
    write(home, INTERVAL + 3)

    assert [seal.seq for seal in sealed(home.database)] == [INTERVAL, INTERVAL + 4]
    assert all(seal.holds() for seal in sealed(home.database))


def test_the_key_is_readable_by_its_owner_alone(home: Home) -> None:
    write(home, 1)

    assert stat.S_IMODE((home.path / "audit.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("DELETE FROM events WHERE seq >= 4", "rows 4 to 6 were cut off"),
        ("UPDATE seals SET at = '2030-01-01' WHERE seq = 6", "its seal was changed"),
        ("UPDATE seals SET hash = hash || '0' WHERE seq = 6", "its seal was changed"),
    ],
)
def test_a_seal_tells_what_the_chain_alone_cannot(home: Home, sql: str, problem: str) -> None:
    write(home, 5)

    do(home, sql)

    assert problem in verify(home.database).findings[0].problem


def test_a_seal_that_was_removed_is_missed(home: Home) -> None:
    write(home, 2)
    write(home, 2)

    do(home, "DELETE FROM seals WHERE seq = 6")

    assert [(f.row, f.problem) for f in verify(home.database).findings] == [
        (6, "the row was sealed, and its seal was removed")
    ]


def test_a_kept_head_tells_that_the_end_was_cut_off_with_its_seals(home: Home) -> None:
    write(home, 5)
    head = kept(home)

    do(home, "DELETE FROM events WHERE seq >= 4")
    do(home, "DELETE FROM seals")

    assert verify(home.database).ok
    assert [f.row for f in verify(home.database, head=head).findings] == [4]


def test_a_kept_head_tells_of_a_chain_that_was_written_anew(home: Home, tmp_path: Path) -> None:
    write(home, 5)
    head = kept(home)
    other = Home(tmp_path / "other", clock=ManualClock())
    write(other, 6)

    assert verify(other.database).ok
    assert verify(other.database, head=head).findings[0].row == head.seq
    other.close()


def test_rows_after_a_kept_head_do_not_disturb_it(home: Home) -> None:
    write(home, 5)
    head = kept(home)
    write(home, 5)

    assert verify(home.database, head=head).ok


def test_a_kept_head_is_read_from_its_line_and_from_a_file(home: Home, tmp_path: Path) -> None:
    write(home, 1)
    head = kept(home)
    (tmp_path / "head").write_text(head.line() + "\n")

    assert read_head(head.line()) == read_head(str(tmp_path / "head")) == head


@pytest.mark.parametrize("given", ["nowhere", "{}", "{not json", '{"seq": 1}'])
def test_what_is_no_head_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        read_head(given)


def checked(path: Path, *lines: str, head: Seal | None = None) -> tuple[int, str]:
    """Run the script that strangers use."""
    (path / "export").write_text("\n".join(lines))
    given = [str(path / "export")]
    if head is not None:
        (path / "head").write_text(head.line())
        given.append(str(path / "head"))
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), *given], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip() + done.stderr


def test_a_stranger_can_verify_an_export(home: Home, tmp_path: Path) -> None:
    write(home, 20)
    head = kept(home)

    assert checked(tmp_path, *export(home.database), head=head) == (0, "whole")
    assert checked(tmp_path, *export(home.database, content=True), head=head) == (0, "whole")


def test_a_stranger_is_told_what_was_erased_and_removed_by_rule(home: Home, tmp_path: Path) -> None:
    write(home, 20)
    head = kept(home)
    with home.database.transaction() as tx:
        home.journal.append(tx, replace(SCOPE, run="r2"), "2.node", Noted(what="check", facts={"n": 1}))
    prune(home, before=home.clock.now() + timedelta(days=1))
    for number, owner in enumerate((Owner(tenant="default", user="7"), Owner(tenant="default", user="8"))):
        with home.database.transaction() as tx:
            erase_all(tx, home, held_of(home, owner), f"e{number}")

    verdict = verify(home.database)
    cut = home.database.read(ALL)[0][0] - 1
    status, said = checked(tmp_path, *export(home.database), head=head)

    assert verdict.ok
    assert (status, said.split("; ")[:2]) == (0, ["whole", f"rows 1 to {cut} were removed by rule"])
    assert re.search(r"; [1-9]\d* contents were erased, as row \d+ tells", said)


@pytest.mark.parametrize("how", ["drop", "forge"])
def test_a_stranger_believes_no_cut_that_is_not_signed(home: Home, tmp_path: Path, how: str) -> None:
    write(home, 20)
    head = kept(home)
    lines = [json.loads(line) for line in export(home.database)]
    rows = [line for line in lines if line["type"] == "row"]
    cut = {**vars(head), "type": "cut", "seq": rows[4]["seq"], "hash": rows[4]["hash"]}
    without = [line for line in lines if line not in rows[:5]]
    forged = [without[0], *([cut] if how == "forge" else []), *without[1:]]

    assert checked(tmp_path, *map(json.dumps, forged))[0] == 1


def changed(lines: list[dict[str, Any]], how: str) -> list[dict[str, Any]]:
    match how:
        case "row":
            lines[3]["head"] = lines[3]["head"].replace('"r1"', '"r2"')
        case "gone":
            del lines[3]
        case "swapped":
            lines[3], lines[4] = lines[4], lines[3]
        case "cut":
            del lines[3:]
        case "seal":
            next(line for line in lines if line["type"] == "seal")["at"] = "never"
        case _:
            next(line for line in lines if line["type"] == "payload")["body"] += " "
    return lines


@pytest.mark.parametrize("how", ["row", "gone", "swapped", "cut", "seal", "payload"])
def test_a_stranger_finds_what_was_changed_in_an_export(home: Home, tmp_path: Path, how: str) -> None:
    write(home, 20)
    lines = changed([json.loads(line) for line in export(home.database, content=True)], how)

    status, said = checked(tmp_path, *map(json.dumps, lines))

    assert (status, said.startswith("row")) == (1, True)


def test_an_export_without_content_shows_nothing_that_people_wrote(home: Home) -> None:
    with home.database.transaction() as tx:
        home.journal.append(tx, SCOPE, "1.node", Noted(what="check", facts={"text": "a secret"}))

    assert "a secret" not in "\n".join(export(home.database))
    assert "a secret" in "\n".join(export(home.database, content=True))
