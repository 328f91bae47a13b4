"""Ask another tool when one fails, where that can do no more and no worse than the first."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, cast

from interlock.runtime.bills import answered_by
from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.runtime.errors import ArgumentsRefused, ToolFailed
from interlock.runtime.ports import Tool
from interlock.runtime.records import ToolContext
from interlock.runtime.stand_ins import refusal
from interlock.tools.places import Place

_PROSE: Final = ("description", "title", "default", "examples")


class Fallback:
    """Runs the second tool where the first failed and surely did nothing."""

    def __init__(self, run: Callable[[dict[str, Any], ToolContext], Awaitable[Any]], second: Tool) -> None:
        self._run, self._second = run, second

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        try:
            return await self._run(arguments, context)
        except ToolFailed as failed:
            if failed.happened != "no":
                raise
            first = failed
        try:
            checked = self._second.check(arguments)
            if why := refusal(self._second, checked):
                raise ToolFailed(tool=self._second.contract.name, reason=why, happened="no")
            answered_by(self._second.contract.name)
            return await self._second.run(checked, context)
        except (ToolFailed, ArgumentsRefused) as error:
            happened = error.happened if isinstance(error, ToolFailed) else "no"
            raise ToolFailed(tool=first.tool, reason=f"{first.reason}; then {error}", happened=happened) from error


def check_fallback(contract: ToolContract, second: Tool, place: Place) -> None:
    """Refuse a fallback that takes or gives something else, may do more, or leads back to the tool.

    Raises:
        ContractBroken: naming the difference.
    """
    other = second.contract
    if contract.name in (names := [tool.contract.name for tool in chain(second)]):
        raise place.broken(f"its fallbacks lead back to it: {' → '.join([contract.name, *names])}", "break the circle")
    for difference in _differences(contract, other):
        raise place.broken(f"its fallback {other.name!r} {difference}", "choose one that is alike, or change it")


def chain(tool: Tool) -> Iterator[Tool]:
    """Follow a tool's fallbacks, the tool itself first."""
    here: Tool | None = tool
    while here is not None:
        yield here
        here = getattr(getattr(here, "guards", None), "fallback", None)


def _differences(contract: ToolContract, other: ToolContract) -> Iterator[str]:
    if not fits(contract.arguments, other.arguments, taking=True):
        yield "does not take the same arguments"
    if not fits(other.result, contract.result):
        yield "does not give the same result"
    if contract.read_only and not other.read_only:
        yield "is not read_only"
    if other.destructive and not contract.destructive:
        yield "is destructive"
    if other.open_world and not contract.open_world:
        yield "gives untrusted results (open_world)"
    if other.usd > contract.usd:
        yield "costs more"
    yield from _labelled(contract, other)


def _labelled(contract: ToolContract, other: ToolContract) -> Iterator[str]:
    """Compare what the two say of their results: those of the second are labelled as the first's are."""
    if hidden := set(other.untrusted) - set(contract.untrusted):
        yield f"gives untrusted text in {', '.join(sorted(hidden))}"
    if hidden := set(other.private) - set(contract.private):
        yield f"gives private data in {', '.join(sorted(hidden))}"
    if missing := set(contract.attested) - set(other.attested):
        yield f"does not attest to {', '.join(sorted(missing))}"


def fits(given: JsonSchema, wanted: JsonSchema, *, taking: bool = False) -> bool:
    """Tell whether what one schema describes is accepted where the other is expected.

    Objects are compared by their properties, all else word by word, prose aside. `taking`: arguments that are given
    must all be known to who takes them; of a result, properties beyond those expected do no harm.
    """
    if given.get("type") != "object" or wanted.get("type") != "object":
        return bool(_bare(given) == _bare(wanted))
    have, want = given.get("properties", {}), wanted.get("properties", {})
    if set(wanted.get("required", ())) - set(have) or (taking and set(have) - set(want)):
        return False
    return all(fits(have[name], want[name], taking=taking) for name in have.keys() & want.keys())


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        parts = cast(JsonSchema, schema)
        return {key: _bare(part) for key, part in parts.items() if key not in _PROSE}
    return schema
