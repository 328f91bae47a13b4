"""The README's own example, run as it stands there."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checkout import ROOT

PROGRAM = str(Path(sys.executable).with_name("interlock"))
DONE, WAITING = 0, 3


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of the README's first agent."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(# shop/agent\.py\n.*?)```", readme, re.DOTALL)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "agent.py").write_text(code, encoding="utf-8")
    return tmp_path / "shop"


def test_the_first_agent_answers_what_the_readme_asks(shop: Path) -> None:
    reply = _run(shop, "What is the status of order 1042?", exits=DONE)

    assert "delivered" in reply["text"]


def test_the_first_agent_waits_for_a_person_before_it_refunds(shop: Path) -> None:
    reply = _run(shop, "Refund 30.00 for order 1042.", exits=WAITING)

    assert [approval["tool"] for approval in reply["approvals"]] == ["refund"]


def _run(shop: Path, text: str, *, exits: int) -> Any:
    asked_in_readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f'interlock run shop "{text}"' in asked_in_readme
    command = [PROGRAM, "run", "shop", text, "--json"]
    done = subprocess.run(command, cwd=shop.parent, capture_output=True, text=True, check=False)
    assert done.returncode == exits, done.stderr
    return json.loads(done.stdout)
