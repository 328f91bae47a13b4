"""Do something in a process of its own."""

import json
import os
from collections.abc import Callable
from typing import Any


def in_a_process(do: Callable[[], Any]) -> Any:
    """Do it, and bring back what it gives as JSON. A process that has opened Chroma may not be forked again."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(do(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        result = json.load(pipe)
    os.waitpid(child, 0)
    return result
