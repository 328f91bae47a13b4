"""The process in which an isolated tool runs. Started by `interlock.tools.isolation`, and the other end of its pipe."""

import asyncio
import importlib
import inspect
import os
import runpy
import sys
from types import ModuleType
from typing import IO, Any, cast

from interlock.runtime.errors import InterlockError
from interlock.runtime.records import Caller, ToolContext
from interlock.tools.function import FunctionTool
from interlock.tools.isolation import read, write
from interlock.tools.refused import Refused


def main() -> None:
    """Serve calls until the pipe is closed."""
    requests, answers = _pipes()
    address = read(requests)
    if address is None:
        return
    try:
        tool = find(address)
    except BaseException as error:
        write(answers, {"failed": _told(error), "transient": False})
        return
    write(answers, {})
    while (request := read(requests)) is not None:
        write(answers, _answer(tool, request))


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the pipes to the parent for ourselves: the tool gets an empty stdin, and its stdout is stderr."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, answers


def find(address: dict[str, Any]) -> FunctionTool[..., Any]:
    """Import the tool from where the parent has it."""
    for package, folders in address["packages"].items():
        module = ModuleType(package)
        module.__path__ = folders
        sys.modules.setdefault(package, module)
    found: Any
    if address["module"] == "__main__":
        found = ModuleType("__interlock_main__")
        vars(found).update(runpy.run_path(address["file"], run_name="__interlock_main__"))
    else:
        found = importlib.import_module(address["module"])
    for part in address["attribute"].split("."):
        found = getattr(found, part)
    if not isinstance(found, FunctionTool):
        raise TypeError(f"{address['module']}.{address['attribute']} is no tool there")
    return cast(FunctionTool[..., Any], found)


def _answer(tool: FunctionTool[..., Any], request: dict[str, Any]) -> dict[str, Any]:
    context = ToolContext(**request["context"] | {"caller": Caller(**request["context"]["caller"])})
    try:
        result = tool.bound(request["arguments"], context)()
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
        return {"value": tool.delivered(result)}
    except Refused as refused:
        return {"refused": str(refused)}
    except BaseException as error:
        return {"failed": _told(error), "transient": isinstance(error, tool.transient)}


async def _awaited(result: Any) -> Any:
    return await result


def _told(error: BaseException) -> str:
    if isinstance(error, InterlockError):
        return getattr(error, "reason", "") or str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


if __name__ == "__main__":
    main()
