"""A fresh place for each attempt: its own folder, its own database, its own environment."""

import importlib
import importlib.util
import inspect
import os
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import cast

from interlock.evals.suite import Suite
from interlock.runtime.errors import SuiteBroken

Setup = Callable[[Path], Mapping[str, str] | Awaitable[Mapping[str, str] | None] | None]
"""Prepare a case's folder, and say what stands in the environment while the case runs."""


def setup_of(suite: Suite) -> Setup | None:
    """Find the suite's setup function: what `setup` names, or `setup` in a setup.py beside the suite.

    Raises:
        SuiteBroken: what it names is not there.
    """
    beside = suite.path.parent
    if not suite.setup and not (beside / "setup.py").is_file():
        return None
    module, _, name = (suite.setup or "setup:setup").partition(":")
    module = module.removesuffix(".py")
    file = beside / f"{module}.py"
    found = getattr(_loaded(file) if file.is_file() else _imported(module, suite), name or "setup", None)
    if not callable(found):
        raise SuiteBroken(
            what=f"setup {suite.setup or 'setup.py'!r} names no function",
            where=str(suite.path),
            fix="write it as file:function, beside the suite, or as module:function",
        )
    return cast("Setup", found)


async def prepared(setup: Setup | None, folder: Path) -> dict[str, str]:
    """Let the setup fill the case's folder."""
    made = setup(folder) if setup else None
    env = await made if inspect.isawaitable(made) else made
    return dict(env or {})


@contextmanager
def environment(env: Mapping[str, str]) -> Generator[None]:
    """Put values into the process's environment for a while. Not for two at once."""
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _loaded(file: Path) -> ModuleType:
    """Load a file under a name of its own, so that it shadows nothing."""
    spec = importlib.util.spec_from_file_location(f"_setup_of_{abs(hash(file.resolve()))}", file)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _imported(module: str, suite: Suite) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise SuiteBroken(
            what=f"setup module {module!r} is not there",
            where=str(suite.path),
            fix=f"put {module}.py beside the suite, or name an importable module",
        ) from error
