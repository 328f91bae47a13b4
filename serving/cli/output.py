"""Where output goes: machine output alone on stdout, everything else on stderr; errors become exit statuses."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

# typer carries its own copy of click, whose base class it does not name.
_USAGE: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

WHOLE = ("id", "run", "started", "asked")
"""Columns that are copied from: never broken over two lines."""

EXIT = {"done": 0, "waiting": 3, "stopped": 4, "failed": 1}
"""Exit status by a run's status."""


_own = [False]


def own_process() -> None:
    """Note that this process does nothing but serve the command line."""
    _own[0] = True


def close_the_back_door() -> None:
    """Refuse ungoverned model calls in the whole process, if it is ours."""
    if _own[0]:
        from interlock.runtime.gate.backstop import everywhere

        everywhere()


def guarded(app: Callable[..., Any], arguments: list[str]) -> int:
    """Run the application and turn what it raises into a message and an exit status."""
    from interlock.runtime.errors import InterlockError

    try:
        result = app(args=arguments, standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        print("stopped", file=sys.stderr)
        return 1
    except _USAGE as error:
        if "--json" in arguments:
            _write_error("usage", "caller", error.format_message())  # type: ignore[attr-defined]
        error.show(sys.stderr)  # type: ignore[attr-defined]
        return 2
    except InterlockError as error:
        if "--json" in arguments:
            _write_error(error.code, error.acts, str(error))
        print(f"interlock: {error.code}: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    finally:
        while _open:
            _open.pop().put_back()
    return result if isinstance(result, int) else 0


class Machine:
    """Keeps the real stdout for JSON, and sends everything else that is printed, by tools too, to stderr."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._out = self._shown = sys.stdout
        if on:
            sys.stdout.flush()
            self._kept = os.dup(1)
            self._out = os.fdopen(self._kept, "w", encoding="utf-8", closefd=False)
            os.dup2(2, 1)  # what a tool's own subprocess prints, too
            sys.stdout = sys.stderr
            _open.append(self)

    def write(self, value: Any) -> None:
        """Write one JSON document, if machine output is on."""
        if self.on:
            print(json.dumps(value, ensure_ascii=False, default=str), file=self._out, flush=True)

    def put_back(self) -> None:
        """Give stdout back, for callers that go on after the command."""
        sys.stdout.flush()
        sys.stdout = self._shown
        os.dup2(self._kept, 1)
        os.close(self._kept)


_open: list[Machine] = []


def _write_error(code: str, acts: str, message: str) -> None:
    (_open[-1] if _open else Machine(True)).write({"error": {"code": code, "acts": acts, "message": message}})


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table for people."""
    from rich.console import Console
    from rich.table import Table

    made = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in WHOLE)
    for row in rows:
        made.add_row(*(_cell(cell) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(made)


def _cell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
