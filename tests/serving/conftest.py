"""The command line in this process, and a small agent project made by `init`."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.home import Home
from interlock.serving.cli.main import app
from interlock.serving.cli.output import guarded


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Run one command with a home that is thrown away."""

    def run(*words: str, home: bool = True) -> Done:
        where = ["--home", str(tmp_path / "home")] if home else []
        capfd.readouterr()
        status = guarded(app, [*words, *where])
        out, err = capfd.readouterr()
        return Done(status, out, err)

    return run


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """The home that the command line uses too."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def project(cli: Cli, tmp_path: Path) -> str:
    """Make an agent project."""
    folder = tmp_path / "till"
    assert cli("init", str(folder), home=False).status == 0
    return str(folder)
