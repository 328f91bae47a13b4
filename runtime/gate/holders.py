"""Who holds a lease or a reservation: named so that others on the same machine can tell whether it lives."""

import os
import socket
from pathlib import Path

_START = 19
"""Which of the values of a process, from its state on, tells when it was begun."""


def holder_here(token: str) -> str:
    """Name this worker. No other has the name, also once the system gives its process id to another."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}:{_begun(_stat(pid))}/{token}"


def here(holder: str) -> bool:
    """Tell whether a worker is, or was, on this machine."""
    return holder.rsplit("/", 2)[0] == socket.gethostname()


def alive(holder: str) -> bool:
    """Tell whether a worker may still be at work; of one on another machine only its lease tells."""
    pid, begun = _process(holder)
    if not here(holder) or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = _stat(int(pid))
    return not (stat[:1] == ["Z"] or (begun and stat and begun != _begun(stat)))


def surely_alive(holder: str) -> bool:
    """Tell whether it is this very worker that is at work on this machine, and no other under its process id."""
    return here(holder) and bool(_process(holder)[1]) and alive(holder)


def _process(holder: str) -> tuple[str, str]:
    """Give the process id and when the process was begun; each empty where the name does not tell."""
    _host, process, *token = holder.rsplit("/", 2) if "/" in holder else ("", "")
    pid, _, begun = process.partition(":") if token else ("", "", "")
    return pid, begun


def _stat(pid: int) -> list[str]:
    """Give what the system shows of a process, from its state on; nothing where it shows nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _begun(stat: list[str]) -> str:
    """Tell when a process was begun, in ticks since the machine was; empty where the system does not show it."""
    return "".join(stat[_START : _START + 1])
