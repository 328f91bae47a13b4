"""Tools that misbehave, for the tests of isolation. They stand in a module, so that another process finds them."""

import asyncio
import os
import time
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from interlock.runtime.records import ToolContext
from interlock.tools import Refused, tool


class Total(BaseModel):
    amount: Decimal
    process: int
    user: str


@tool(read_only=True, isolated=True)
def add(left: Decimal, right: Decimal, context: ToolContext) -> Total:
    """Add."""
    print("noise on stdout")
    return Total(amount=left + right, process=os.getpid(), user=context.caller.user)


@tool(read_only=True, isolated=True)
async def add_later(left: int, right: int) -> int:
    """Add, but later."""
    await asyncio.sleep(0)
    return left + right


@tool(isolated=True, timeout=0.3)
def hang(file: str) -> None:
    """Hang, and write the file if not stopped."""
    Path(file).with_suffix(".begun").touch()
    time.sleep(1)
    Path(file).touch()


@tool(isolated=True)
def die(status: int) -> None:
    """Take the process along."""
    os._exit(status)


@tool(isolated=True)
def refuse() -> None:
    """Refuse."""
    raise Refused("not today")


@tool(read_only=True, isolated=True, retries=1)
def stumble(file: str) -> str:
    """Fail once."""
    if Path(file).exists():
        return "up again"
    Path(file).touch()
    raise ConnectionError("reset")


@tool(read_only=True, isolated=True)
def flood() -> str:
    """Return far too much."""
    return "x" * 100_000_000
