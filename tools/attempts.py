"""One attempt at a call: within its time, and with one kind of error whatever went wrong."""

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import orjson
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import InterlockError, ToolFailed
from interlock.runtime.stated import field_error
from interlock.runtime.text import mended
from interlock.tools.ending import ended
from interlock.tools.isolation import InChild
from interlock.tools.refused import Refused
from interlock.tools.threads import in_thread

_LONGEST_REASON = 500
_GRACE_S = 1.0
"""For a coroutine to end in, after it was cancelled."""


async def attempt(contract: ToolContract, call: partial[Any]) -> Any:
    """Do it once: a coroutine function here, any other in a thread.

    Raises:
        ToolFailed: it raised, refused, or took too long.
    """
    limit, loop, in_loop = asyncio.timeout(contract.timeout_s), asyncio.get_running_loop(), _in_loop(call)
    began = loop.time()
    try:
        async with limit:
            result = call() if in_loop else await in_thread(call)
            if inspect.iscoroutine(result):
                value = await ended(result, began + contract.timeout_s + _GRACE_S)
            else:
                value = await result if inspect.isawaitable(result) else result
    except Refused as refused:
        raise failure(contract, str(refused), happened="no") from refused
    except TimeoutError as error:
        late = f"no answer within {contract.timeout_s:g} s"
        raise failure(contract, late if limit.expired() else told(error)) from error
    except asyncio.CancelledError as error:
        if _being_cancelled():
            raise
        raise failure(contract, "it was cancelled from within") from error
    except GeneratorExit:
        raise
    except BaseException as error:  # also SystemExit: a tool may end itself, not this process
        if isinstance(error, InterlockError) and error.acts != "model":
            raise
        raise failure(contract, told(error)) from error
    if in_loop and (took := loop.time() - began) > contract.timeout_s:
        blocked = "the event loop was held up, by it or beside it; write it with `def`, or isolated=True"
        raise failure(contract, f"its answer took {took:.1f} s of {contract.timeout_s:g}: {blocked}")
    return value


def _in_loop(call: partial[Any]) -> bool:
    """Tell whether a call runs in the event loop, where nothing can stop it that does not give way."""
    return inspect.iscoroutinefunction(call.func)


def delivered(contract: ToolContract, dump: Callable[[], Any], largest: int) -> Any:
    """Take a result as JSON data.

    Args:
        contract: whose result it is.
        dump: validates the result and turns it into JSON data.
        largest: bytes that it may have.

    Raises:
        ToolFailed: it breaks its schema, or is too large.
    """
    try:
        value = mended(dump())
        data = to_json(value, inf_nan_mode="constants")
        if b"NaN" in data or b"Infinity" in data:
            from_json(data, allow_inf_nan=False)
        orjson.dumps(value)  # takes no integers over 64 bits, which a journal could not give back
    except ValidationError as error:
        raise failure(
            contract, f"its result breaks its schema: {field_error(error.errors(include_url=False)[0])}"
        ) from error
    except (PydanticSerializationError, TypeError, ValueError) as error:
        raise failure(contract, f"its result has no JSON form: {error}") from error
    if len(data) > largest:
        size = f"{len(data):,} bytes, {largest:,} are allowed"
        raise failure(contract, f"its result is too large: {size}; ask for less")
    return value


def failure(contract: ToolContract, reason: str, happened: Literal["no", "maybe"] | None = None) -> ToolFailed:
    """Make the error; a tool that changes nothing did nothing, of any other it is not known."""
    unless_told: Literal["no", "maybe"] = "no" if contract.read_only else "maybe"
    reason = mended(reason)
    cut = reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…"
    return ToolFailed(tool=contract.name, reason=cut, happened=happened or unless_told)


def told(error: BaseException) -> str:
    if isinstance(error, InChild):
        return str(error)
    try:
        said = str(error)
    except Exception:  # whatever an error that cannot be told raises instead
        said = "it cannot be told"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
