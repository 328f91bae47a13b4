"""Where a tool was declared, for messages about it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interlock.runtime.errors import ContractBroken


@dataclass(frozen=True, kw_only=True)
class Place:
    """A tool in its file."""

    name: str
    where: str

    def broken(self, what: str, fix: str) -> ContractBroken:
        return ContractBroken(what=f"tool {self.name!r}: {what}", where=self.where, fix=fix)


def place_of(function: Callable[..., Any], name: str) -> Place:
    """Find where a function stands, as `file:line`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Place(name=name, where=f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function))
