"""Find calls in an asynchronous tool that hold up the event loop: nothing can interrupt them, no timeout either."""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_BLOCKING: Final = frozenset(
    {
        "time.sleep", "builtins.input", "posix.system", "nt.system", "urllib.request.urlopen",
        *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")),
        *(f"requests.api.{name}" for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")),
        *(f"httpx.{name}" for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")),
    }
)  # fmt: skip
"""Functions that wait, by where they are defined."""


def blocking_call(function: Callable[..., Any]) -> str | None:
    """Name the first call in a coroutine function that blocks for sure; None where none is seen.

    Only what its globals name is seen; the rest is found when it takes too long.
    """
    if not inspect.iscoroutinefunction(function):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    known = {**vars(builtins), **getattr(function, "__globals__", {})}
    found = (_name(_resolved(call.func, known)) for call in _calls(tree.body[0]))
    return next((name for name in found if name in _BLOCKING), None)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """List the calls that a function makes itself, not those of functions inside it: they may run in a thread."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls(child)


def _resolved(node: ast.expr, known: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and inspect.ismodule(owner := _resolved(node.value, known)):
        return vars(owner).get(node.attr)
    return None


def _name(found: Any) -> str:
    return f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
