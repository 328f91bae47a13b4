"""Long-term memory with rules: what is written, what is read, and what is forgotten."""

from interlock.memory.memory import Memory
from interlock.memory.policies import ReadPolicy, WritePolicy, WriteRule

__all__ = ["Memory", "ReadPolicy", "WritePolicy", "WriteRule"]
