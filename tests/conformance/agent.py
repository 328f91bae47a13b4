"""The tools that the MCP conformance suite asks a server for, as far as tools are all it serves."""

from interlock import Agent, tool
from interlock.graphs import tool_loop


@tool(read_only=True)
def test_simple_text() -> str:
    """Return a simple text."""
    return "This is a simple text response for testing."


@tool(read_only=True)
def test_error_handling() -> str:
    """Fail."""
    raise ValueError("This tool intentionally returns an error for testing")


agent = Agent(name="conformance", tools=[test_simple_text, test_error_handling])
graph = tool_loop(agent)
