"""The package `mcp`, imported where it is used: it is an extra, and takes a second."""

import importlib
from typing import Any

from interlock.runtime.errors import ContractBroken


def mcp(where: str, part: str = "mcp") -> Any:
    """Give the package, or a module of it.

    Raises:
        ContractBroken: it is not installed.
    """
    try:
        return importlib.import_module(part)
    except ModuleNotFoundError as error:
        fix = "install it: pip install 'interlock[mcp]'"
        raise ContractBroken(what=f"the package {error.name!r} is not installed", where=where, fix=fix) from error
