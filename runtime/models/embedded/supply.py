"""Where arguments may come from, and what filling them has come to."""

from dataclasses import dataclass, field
from typing import Any

from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause
from interlock.runtime.models.embedded.schemas import Shape
from interlock.runtime.models.embedded.text import Token
from interlock.runtime.models.embedded.values import Value


@dataclass(frozen=True, kw_only=True)
class Supply:
    """Where values may come from, nearest first."""

    clause: Clause
    own: tuple[Value, ...] = ()
    """Values in the clause."""
    loose: tuple[Value, ...] = ()
    """Values in sentences of the same request that ask for nothing themselves."""
    referents: tuple[tuple[Value, ...], ...] = ()
    """Values of other clauses and of earlier messages, one group each: what "it" may mean."""
    nearby: tuple[tuple[Value, ...], ...] = ()
    """The part of `referents` that the clause plainly points at: its conditions, or what "it" stands for."""
    loose_words: tuple[Token, ...] = ()
    reply: str = ""
    """What the user answered to a question of ours."""
    memory: str = ""
    original: str = ""
    before: str = ""
    """The statement that stands just before the clause."""
    rivals: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Arguments for one or more calls of a tool, and what they lack."""

    calls: tuple[dict[str, Any], ...] = ({},)
    missing: tuple[Shape, ...] = ()
    unclear: tuple[tuple[Shape, tuple[Any, ...]], ...] = ()
    """Parameters for which several values were offered, with the values."""
    guessed: bool = False
    recalled: frozenset[str] = frozenset()
    """Parameters that come from memory."""


@dataclass(kw_only=True)
class Work:
    """One tool's parameters while they are being filled."""

    tool: Tool
    supply: Supply
    chosen: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    taken: list[Value] = field(default_factory=list[Value])
    unclear: list[tuple[Shape, tuple[Any, ...]]] = field(default_factory=list[tuple[Shape, tuple[Any, ...]]])
    guessed: bool = False
    recalled: set[str] = field(default_factory=set[str])

    @property
    def open(self) -> list[Shape]:
        """Parameters that have no value yet and are not in doubt."""
        settled = {*self.chosen, *(shape.name for shape, _ in self.unclear)}
        return [p for p in self.tool.parameters if p.name not in settled]

    @property
    def wanted(self) -> list[Shape]:
        """Required ones among them."""
        return [p for p in self.open if p.required]
