"""The store's example: two runs of a program, the second of which knows what the first was told."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "examples" / "store" / "notes.py"


def say(text: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, PROGRAM, text], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_second_process_knows_what_the_first_was_told(tmp_path: Path) -> None:
    assert say("My bicycle is in the cellar.", tmp_path) == "I know nothing of that yet."
    assert say("Where did I leave the bike?", tmp_path) == "You said: My bicycle is in the cellar."
