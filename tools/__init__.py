"""Tools: contracts from typed functions, and their execution."""

from interlock.tools.decorator import tool
from interlock.tools.function import FunctionTool, Refused
from interlock.tools.langchain import from_langchain

__all__ = ["FunctionTool", "Refused", "from_langchain", "tool"]
