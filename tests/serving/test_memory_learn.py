"""`interlock memory learn`, on talk whose answers share no word with the questions: they follow what does."""

import json
from pathlib import Path

from tests.serving.conftest import Cli

from interlock.memory import Memory, Ranker
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Note, Owner

ROOMS = ("kitchen", "garden", "cellar", "office", "attic", "garage", "hall", "porch", "study", "barn")
ANN = Owner(tenant="default", user="ann")


def asked(tmp_path: Path, answer: int) -> str:
    """Remember a talk about each room, and ask of each for the turn at a place."""
    store = Memory().open(tmp_path / "home", ManualClock())
    lines: list[str] = []
    for room in ROOMS:
        talk = [f"Bob: Which colour shall the {room} have?", "Cara: Make it green.", f"Bob: The {room} is a fine room."]
        made = store.add_all([Note(text=text, kind="episode", run=room) for text in talk], ANN)
        lines.append(json.dumps({"question": f"Which colour for the {room}?", "answers": [made[answer].id]}))
    store.close()
    file = tmp_path / "asked.jsonl"
    file.write_text("\n".join(lines))
    return str(file)


def test_a_ranker_that_gains_is_written(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "ranker.json"

    done = cli("memory", "learn", asked(tmp_path, 2), "--user", "ann", "--out", str(out), "--at", "1", "--json")

    assert done.status == 0
    assert done.json["before"] < done.json["after"]
    assert done.json["written"] == str(out)
    assert Ranker.load(out).corrections


def test_without_a_gain_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "ranker.json"

    done = cli("memory", "learn", asked(tmp_path, 0), "--user", "ann", "--out", str(out))

    assert done.status == 1
    assert "no gain beyond chance: nothing was written" in done.err
    assert not out.exists()


def test_questions_that_cannot_be_read_are_bad_input(cli: Cli, tmp_path: Path) -> None:
    assert cli("memory", "learn", str(tmp_path / "nowhere.jsonl"), "--user", "ann").status == 2
