"""Where a value was declared, so that paths written beside it can be relative."""

import sys
from pathlib import Path


def folder_of_caller() -> Path:
    """Find the folder of the file that makes a dataclass which asks this in its `__post_init__`."""
    # Frame 0 is here, 1 __post_init__, 2 __init__, 3 the caller.
    file = sys._getframe(3).f_globals.get("__file__")  # pyright: ignore[reportPrivateUsage]  # no public way up
    return Path(file).resolve().parent if file else Path.cwd()
