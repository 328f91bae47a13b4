"""Run a tool in a process of its own, which can be killed: for work that hangs, leaks or crashes.

The process imports the tool's module and serves one call at a time over a pipe; it stays for the next call. What the
tool prints goes to stderr. See `interlock.tools.worker` for the other end.
"""

import atexit
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, Any, Final, cast
from weakref import WeakSet

from interlock.runtime.records import ToolContext
from interlock.tools.places import Place
from interlock.tools.refused import Refused
from interlock.tools.threads import in_thread

_HEAD: Final = struct.Struct(">I")
_KEPT: Final = 2
"""Idle processes that stay for a tool's next calls."""


class InChild(Exception):
    """What went wrong in the tool's process, as far as it could be told."""

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


class Processes:
    """The processes of one tool."""

    def __init__(self, address: dict[str, Any]) -> None:
        self._address = address
        self._idle: list[_Process] = []
        _ALL.add(self)

    async def ready(self) -> "_Process":
        """Give a process that has loaded the tool: what that takes is not the tool's time.

        Raises:
            InChild: the tool could not be loaded there.
        """
        return self._idle.pop() if self._idle else await in_thread(partial(_Process, self._address))

    async def call(self, process: "_Process", arguments: dict[str, Any], context: ToolContext) -> Any:
        """Run the tool there. If the caller gives up, the process is killed.

        Raises:
            Refused: the tool refused.
            InChild: the tool failed, or its process ended.
        """
        request = {"arguments": arguments, "context": vars(context) | {"caller": context.caller.model_dump()}}
        try:
            answer = await in_thread(partial(process.ask, request))
        except BaseException:
            process.kill()
            raise
        if len(self._idle) < _KEPT:
            self._idle.append(process)
        else:
            process.kill()
        if "refused" in answer:
            raise Refused(answer["refused"])
        if "failed" in answer:
            raise InChild(answer["failed"], transient=answer["transient"])
        return answer["value"]

    def close(self) -> None:
        """End all processes that wait for a call."""
        while self._idle:
            self._idle.pop().kill()


class _Process:
    def __init__(self, address: dict[str, Any]) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "interlock.tools.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._killed = threading.Lock()
        try:
            answer = self.ask(address)
        except InChild as error:
            self.kill()
            raise InChild(f"its process did not start: {error}") from error
        if "failed" in answer:
            self.kill()
            raise InChild(f"its process cannot load it: {answer['failed']}")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout  # noqa: S101  # both are pipes
        try:
            write(self._process.stdin, request)
            answer = read(self._process.stdout)
        except (OSError, ValueError):
            answer = None
        if answer is None:
            raise InChild(f"its process ended ({_ending(self._process.wait())})")
        return answer

    def kill(self) -> None:
        """End the process, and those it started."""
        if not self._killed.acquire(blocking=False):
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                cast(IO[bytes], pipe).close()


def address_of(function: Callable[..., Any], name: str, place: Place) -> dict[str, Any]:
    """Say where another process finds the tool.

    Raises:
        ContractBroken: it cannot be found there.
    """
    if "<locals>" in function.__qualname__ or "<lambda>" in function.__qualname__:
        raise place.broken("it is to run in a process of its own, which cannot find it", "define it at module level")
    module = function.__module__
    packages = {
        package: list(loaded.__path__)
        for package in _prefixes(module)
        if (loaded := sys.modules.get(package)) is not None and loaded.__spec__ is None and hasattr(loaded, "__path__")
    }
    file = function.__code__.co_filename if module == "__main__" else ""
    return {"module": module, "file": file, "packages": packages, "attribute": function.__qualname__, "tool": name}


def write(pipe: IO[bytes], message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    pipe.write(_HEAD.pack(len(data)) + data)
    pipe.flush()


def read(pipe: IO[bytes]) -> dict[str, Any] | None:
    """Read one message; None where the other end has gone."""
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    (length,) = _HEAD.unpack(head)
    data = pipe.read(length)
    message: dict[str, Any] | None = json.loads(data) if len(data) == length else None
    return message


def _prefixes(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _ending(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"


def _close_all() -> None:
    for processes in list(_ALL):
        processes.close()


_ALL: WeakSet[Processes] = WeakSet()
atexit.register(_close_all)
