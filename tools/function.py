"""A tool made from a plain function: checked arguments in, a checked result out, within the time it promised."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from interlock.runtime.clock import Clock, SystemClock
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ArgumentsRefused, ToolFailed
from interlock.runtime.labels import Registry
from interlock.runtime.records import ToolContext
from interlock.tools.attempts import attempt, delivered, failure, told
from interlock.tools.guards import Guards, Run
from interlock.tools.isolation import InChild, Processes
from interlock.tools.pauses import longest_pause_s
from interlock.tools.problems import in_words
from interlock.tools.signature import Signature
from interlock.tools.status import Status

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class FunctionTool(Generic[P, R]):
    """A function with its contract. Called directly it is still the plain function."""

    function: Callable[P, R]
    contract: ToolContract
    signature: Signature
    transient: tuple[type[BaseException], ...]
    """Errors after which a repeatable tool is tried again."""
    max_result_bytes: int
    guards: Guards = field(default_factory=Guards)
    processes: Processes | None = None
    """Where it runs, if in processes of its own."""
    told: Status | None = None
    """Whom to ask after a crash whether a call took effect."""
    clock: Clock = field(default_factory=SystemClock)
    registries: Mapping[str, Registry] = field(default_factory=dict[str, Registry])

    _run: Run = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_run", self.guards.around(self._tried, self.contract, self.clock))
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            object.__setattr__(self, name, getattr(self.function, name, None))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def using(self, clock: Clock) -> "FunctionTool[P, R]":
        """Give the same tool with another clock to wait by between attempts."""
        return replace(self, clock=clock)

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validate arguments as strictly as their schema says, fill in defaults, and return JSON data."""
        return self._typed(arguments).model_dump(mode="json", by_alias=True)

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        """Do it, within what the contract and the guards allow (ports.Tool)."""
        return await self._run(arguments, context)

    async def status(self, arguments: dict[str, Any], context: ToolContext) -> tuple[bool, Any]:
        """Ask whether a call took effect (ports.Tracked)."""
        assert self.told is not None  # noqa: S101  # the contract says so
        values = self.bound(arguments, context).keywords
        try:
            found = await self.told.ask(values, context, self.contract.timeout_s)
        except Exception as error:
            raise failure(self.contract, f"its status is not known: {told(error)}") from error
        return (False, None) if found is None else (True, self.delivered(found.result))

    async def known(self, argument: str, context: ToolContext) -> list[Any]:
        """List the known values of an argument (ports.Listing)."""
        registry = self.registries[argument]
        return list(await attempt(self.contract, partial(registry, context)))

    async def _tried(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        """Try it, and again only where the contract allows it and the error may pass."""
        attempts = 1
        while True:
            try:
                return await self._attempt(arguments, context)
            except ToolFailed as failed:
                if not self.contract.retries or not self._may_pass(failed.__cause__):
                    raise
                if attempts > self.contract.retries:
                    failed.reason += f" ({attempts} attempts)"
                    raise
            wait = longest_pause_s(attempts - 1)
            await self.clock.sleep(wait * (0.5 + self.clock.random() / 2))
            attempts += 1

    async def _attempt(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        if self.processes is None:
            return self.delivered(await attempt(self.contract, self.bound(arguments, context)))
        try:
            process = await self.processes.ready()
        except InChild as error:
            raise failure(self.contract, str(error), happened="no") from error
        return await attempt(self.contract, partial(self.processes.call, process, arguments, context))

    def _may_pass(self, error: BaseException | None) -> bool:
        return error.transient if isinstance(error, InChild) else isinstance(error, self.transient)

    def _typed(self, arguments: dict[str, Any]) -> BaseModel:
        try:
            return self.signature.typed(arguments)
        except ValidationError as error:
            problems = in_words(error.errors(include_url=False), self.contract.arguments)
        except (PydanticSerializationError, UnicodeError) as error:
            problems = (f"the arguments are no JSON data: {error}",)
        raise ArgumentsRefused(tool=self.contract.name, problems=problems)

    def bound(self, arguments: dict[str, Any], context: ToolContext) -> partial[Any]:
        """Bind JSON data to the function as typed values.

        Raises:
            ArgumentsRefused: they do not fit.
        """
        values = self._typed(arguments).__dict__
        keywords = {argument: values[name] for name, argument in self.signature.fields}
        if self.signature.context:
            keywords[self.signature.context] = context
        return partial(self.function, **keywords)

    def delivered(self, result: Any) -> Any:
        """Check a result against its schema and turn it into JSON data.

        Raises:
            ToolFailed: it breaks its schema, or is too large.
        """
        adapter = self.signature.result
        if isinstance(result, Iterator):  # it may never end, and nothing could stop it here
            raise failure(self.contract, "its result is an iterator; return a list")

        def dump() -> Any:
            return adapter.dump_python(adapter.validate_python(result, strict=True), mode="json", warnings="error")

        return delivered(self.contract, dump, self.max_result_bytes)
