"""What the tests of evaluation share: suites written to disk."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from interlock.evals import Suite, read_suite


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file, and give its path."""

    def write(text: str, name: str = "suite.yaml") -> Path:
        path = tmp_path / name
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def suite(write: Callable[..., Path]) -> Callable[[str], Suite]:
    """Read a suite from its text."""
    return lambda text: read_suite(write(text))
