"""Tool contracts: what a tool takes, gives and may do, as models, policies and the gate see it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

JsonSchema = dict[str, Any]

RESERVED = frozenset({"call_model", "read_memory", "write_memory", "reply", "tool", "Plan"})
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
    timeout_s: float = 30.0
    retries: int = 0
    usd: Decimal = Decimal(0)
    """Cost of one call."""
    sensitive: frozenset[str] = field(default_factory=frozenset[str])
    """Arguments that choose a recipient, an amount or a resource."""

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
