"""A tool that stands elsewhere, and is known by its JSON schemas only."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from pydantic_core import PydanticSerializationError, from_json, to_json

from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ArgumentsRefused
from interlock.runtime.jsondata import Checker, with_defaults
from interlock.runtime.records import ToolContext
from interlock.tools.attempts import attempt, delivered, failure
from interlock.tools.places import Place

_LARGEST = 1_000_000
Call = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]


class ForeignTool:
    """A contract, and a way to call what it describes (ports.Tool).

    Raises:
        ContractBroken: a schema is none.
    """

    def __init__(self, contract: ToolContract, call: Call, place: Place) -> None:
        self.contract = contract
        self._call = call
        try:
            self._arguments = Checker(contract.arguments)
            self._result = Checker(contract.result, part="field")
        except ValueError as error:
            raise place.broken(
                f"its schema is no JSON schema: {error}", "have it mended where it is written, or leave the tool out"
            ) from error

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validate arguments against the schema, and fill in its defaults."""
        try:
            data: Any = from_json(to_json(arguments, inf_nan_mode="constants"), allow_inf_nan=False)
        except (PydanticSerializationError, ValueError) as error:
            told = (f"the arguments are no JSON data: {error}",)
            raise ArgumentsRefused(tool=self.contract.name, problems=told) from error
        if not isinstance(data, dict):
            raise ArgumentsRefused(tool=self.contract.name, problems=("the arguments must be an object",))
        filled = with_defaults(self.contract.arguments, cast(dict[str, Any], data))
        if problems := self._arguments.problems(filled):
            raise ArgumentsRefused(tool=self.contract.name, problems=problems)
        return filled

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        """Call it once, within the timeout."""
        result = await attempt(self.contract, partial(self._called, self.check(arguments), context))
        if problems := self._result.problems(result):
            raise failure(self.contract, f"its result breaks its schema: {problems[0]}")
        return delivered(self.contract, lambda: result, _LARGEST)

    async def _called(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        return await self._call(arguments, context)
