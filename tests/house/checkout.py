"""Where the checkout's parts are, for the tests that guard the house."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "interlock"


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def folders() -> list[str]:
    """Name the root folders that `interlock` is made of, by their links."""
    return sorted(path.name for path in PACKAGE.iterdir() if path.is_symlink())


def sources() -> Iterator[tuple[str, Path]]:
    """Give every module of the package as its dotted name and its real file."""
    yield "interlock", PACKAGE / "__init__.py"
    for folder in folders():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(("interlock", *(part for part in parts if part != "__init__"))), path
