"""The tools that the MCP conformance suite asks a server for, as far as tools are all it serves."""

from typing import Any

from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.tools import log, progress

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="


@tool(read_only=True)
def test_simple_text() -> str:
    """Return a simple text."""
    return "This is a simple text response for testing."


@tool(read_only=True)
def test_error_handling() -> str:
    """Fail."""
    raise ValueError("This tool intentionally returns an error for testing")


@tool(read_only=True)
def test_image_content() -> dict[str, str]:
    """Return an image."""
    return {"type": "image", "data": PIXEL, "mimeType": "image/png"}


@tool(read_only=True)
def test_audio_content() -> dict[str, str]:
    """Return a sound."""
    return {"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}


@tool(read_only=True)
def test_embedded_resource() -> dict[str, Any]:
    """Return a resource."""
    return resource("text/plain", "This is an embedded resource content.")


@tool(read_only=True)
def test_multiple_content_types() -> list[dict[str, Any]]:
    """Return a text, an image and a resource."""
    text = {"type": "text", "text": "Multiple content types test:"}
    return [text, {"type": "image", "data": PIXEL, "mimeType": "image/png"}, resource("application/json", "{}")]


@tool(read_only=True)
def test_tool_with_logging() -> str:
    """Tell what it does."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        log(message)
    return "done"


@tool(read_only=True)
def test_tool_with_progress() -> str:
    """Tell how far it is."""
    for done in (0, 50, 100):
        progress(done, 100)
    return "done"


def resource(mime: str, text: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": "test://embedded-resource", "mimeType": mime, "text": text}}


TOOLS = [
    test_simple_text, test_error_handling, test_image_content, test_audio_content, test_embedded_resource,
    test_multiple_content_types, test_tool_with_logging, test_tool_with_progress,
]  # fmt: skip
agent = Agent(name="conformance", tools=TOOLS)
graph = tool_loop(agent)
