"""What a call of a tool came to in the end: who answered it, and its price, or nothing where nobody had to be asked."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Bill:
    """Of one call."""

    waived: bool = False
    by: str = ""
    """The fallback that answered."""


_bill: ContextVar[Bill | None] = ContextVar("interlock_bill", default=None)


@contextmanager
def billed(bill: Bill) -> Generator[None]:
    """Let what runs in this block waive a bill."""
    token = _bill.set(bill)
    try:
        yield
    finally:
        _bill.reset(token)


def waive() -> None:
    """Tell that the call under way costs no money. It counts as a call all the same."""
    if (bill := _bill.get()) is not None:
        bill.waived = True


def answered_by(fallback: str) -> None:
    """Tell that another tool answers the call under way."""
    if (bill := _bill.get()) is not None:
        bill.by = fallback
