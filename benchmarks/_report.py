"""What every benchmark prints: a table, and with `--json` one JSON object as the last line."""

import argparse
import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table


def arguments(
    description: str | None, *, flags: Mapping[str, str] | None = None, **defaults: int
) -> argparse.Namespace:
    """Read the command line: one whole number for each default, the flags with what they are for, and `--json`."""
    parser = argparse.ArgumentParser(description=description)
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"default: {value}")
    for name, help in (flags or {}).items():
        parser.add_argument(f"--{name}", action="store_true", help=help)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object, last")
    return parser.parse_args()


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """Print a table whose first column names what was measured."""
    shown = Table(title=title, title_justify="left")
    for index, name in enumerate(header):
        shown.add_column(name, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    console.print(shown)
    if note:
        console.print(note)


def finish(figures: dict[str, Any], *, as_json: bool) -> None:
    """End a benchmark."""
    if as_json:
        print(json.dumps(figures))


def paired(values: Sequence[float], against: Sequence[float]) -> float:
    """Give the median ratio of measurements that were taken in turn."""
    return median(a / b for a, b in zip(values, against, strict=True))
