"""Tool contracts: what a tool takes, gives and may do, as models, policies and the gate see it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

JsonSchema = dict[str, Any]

RESERVED = frozenset(
    {
        "call_model", "read_memory", "write_memory", "prune_memory", "reply", "take_input", "make_plan", "take_result",
        "tool", "Plan",
    }
)  # fmt: skip
"""Names that policies use for the gate's other passages, or that planning uses; no tool may take them."""


@dataclass(frozen=True, kw_only=True)
class ToolContract:
    """A tool's promise. The four hints are MCP's (2025-06-18, ToolAnnotations)."""

    name: str
    description: str
    arguments: JsonSchema
    result: JsonSchema
    version: str = "1"
    read_only: bool = False
    destructive: bool = True
    idempotent: bool = False
    open_world: bool = False
    """Its results are untrusted text."""
    polling: bool = False
    """It is called again and again until its result changes; that is no model going in circles."""
    timeout_s: float = 30.0
    retries: int = 0
    limit_s: float | None = None
    """Seconds for a call with all that belongs to it: its turn, every attempt, the pauses between them, and a fallback;
    None: the attempts alone."""
    tracked: bool = False
    """Whether it can be asked after a crash if a call took effect (ports.Tracked)."""
    usd: Decimal = Decimal(0)
    """Cost of one call."""
    sensitive: frozenset[str] = field(default_factory=frozenset[str])
    """Arguments that choose a recipient, an amount or a resource."""
    untrusted: tuple[str, ...] = ()
    """Dotted paths of result fields that hold text which others wrote; `"*"`: all of it."""
    attested: tuple[str, ...] = ()
    """Dotted paths of result fields that the system itself vouches for, such as ids and senders. They win."""
    private: tuple[str, ...] = ()
    """Dotted paths of result fields that may be shown to the user and to nobody else; `"*"`: all of it."""
    registries: tuple[str, ...] = ()
    """Arguments whose known values the tool can list, such as contacts or payees."""

    @property
    def choosing(self) -> frozenset[str]:
        """Arguments that choose what an effect does: those declared sensitive; with none declared, all of them."""
        return self.sensitive if self.sensitive or self.read_only else frozenset(self.arguments.get("properties", ()))

    @property
    def whole_s(self) -> float:
        """Seconds after which a call is given up, whatever it waits for."""
        return self.timeout_s * (self.retries + 1) if self.limit_s is None else self.limit_s

    @property
    def plain(self) -> bool:
        """Whether every result is trusted and public."""
        return not (self.open_world or self.untrusted or self.private)

    @property
    def repeatable(self) -> bool:
        """Whether a call may be made again when it is not known if it happened."""
        return self.read_only or self.idempotent

    def as_function(self) -> dict[str, Any]:
        """Describe the tool in the form that chat models bind (OpenAI's function schema)."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.arguments},
        }

    def as_catalogue(self) -> dict[str, Any]:
        """Describe the tool in full for a planner: what it returns, and what it may do."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.arguments,
            "returns": self.result,
            "read_only": self.read_only,
            "destructive": self.destructive,
        }
