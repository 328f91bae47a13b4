"""Tools: contracts from typed functions, and their execution."""

from interlock.tools.decorator import tool
from interlock.tools.function import FunctionTool
from interlock.tools.guards import Guards, guarded
from interlock.tools.langchain import from_langchain
from interlock.tools.mcp_client import Hints, McpError, McpServer
from interlock.tools.refused import Refused
from interlock.tools.selection import Select
from interlock.tools.status import Happened
from interlock.tools.telling import log, progress

__all__ = [
    "FunctionTool",
    "Guards",
    "Happened",
    "Hints",
    "McpError",
    "McpServer",
    "Refused",
    "Select",
    "from_langchain",
    "guarded",
    "log",
    "progress",
    "tool",
]
