"""What a docstring tells a model: the first paragraph, and Google-style argument descriptions."""

import inspect
import re

_SECTION = re.compile(r"^(Args|Arguments|Parameters):\s*$")
_ARGUMENT = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def summary(docstring: str | None) -> str:
    """Give the first paragraph as one line; empty where there is none."""
    lines: list[str] = []
    for line in inspect.cleandoc(docstring or "").splitlines():
        if not line.strip() or _SECTION.match(line):
            break
        lines.append(line.strip())
    return " ".join(lines)


def arguments(docstring: str | None) -> dict[str, str]:
    """Give the description of each argument in the `Args:` section."""
    found: dict[str, str] = {}
    name, indent = "", None
    for line in _section(docstring):
        depth = len(line) - len(line.lstrip())
        indent = depth if indent is None else indent
        match = _ARGUMENT.match(line.strip()) if depth == indent else None
        if match:
            name = match[1]
            found[name] = match[2].strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _section(docstring: str | None) -> list[str]:
    lines = inspect.cleandoc(docstring or "").splitlines()
    start = next((i + 1 for i, line in enumerate(lines) if _SECTION.match(line)), len(lines))
    inside: list[str] = []
    for line in lines[start:]:
        if line.strip() and not line.startswith(" "):
            break
        if line.strip():
            inside.append(line)
    return inside
