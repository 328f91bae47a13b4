"""`@tool`: declare what a function may do, and get a tool."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, ParamSpec, TypeVar, overload

from interlock.runtime.contract import RESERVED, ToolContract
from interlock.runtime.jsondata import closest
from interlock.runtime.labels import Registry
from interlock.tools.blocking import blocking_call
from interlock.tools.docstrings import summary
from interlock.tools.function import FunctionTool
from interlock.tools.guards import Guards
from interlock.tools.isolation import Processes, address_of
from interlock.tools.places import Place, place_of
from interlock.tools.signature import Signature, read
from interlock.tools.status import status_of

P = ParamSpec("P")
R = TypeVar("R")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *,
    read_only: bool = ...,
    destructive: bool | None = ...,
    idempotent: bool = ...,
    open_world: bool = ...,
    polling: bool = ...,
    timeout: float = ...,
    retries: int = ...,
    version: str = ...,
    usd: str | Decimal = ...,
    sensitive: Sequence[str] = ...,
    untrusted: Sequence[str] = ...,
    attested: Sequence[str] = ...,
    private: Sequence[str] = ...,
    registries: Mapping[str, Registry] = ...,
    name: str | None = ...,
    transient: tuple[type[BaseException], ...] = ...,
    max_result_bytes: int = ...,
    guards: Guards = ...,
    status: Callable[..., Any] | None = ...,
    isolated: bool = ...,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(function: Callable[..., Any] | None = None, /, **promise: Any) -> Any:
    """Turn a typed function, sync or async, into a tool.

    The contract comes from the signature: the docstring's first paragraph describes the tool, its `Args:` section the
    arguments, the annotations give both schemas. A parameter annotated `ToolContext` is filled in and not shown.

    Args:
        function: the function, where `@tool` stands without arguments.
        promise: `read_only`: changes nothing. `destructive`: may undo or overwrite (default: unless read-only).
            `idempotent`: twice is as good as once. `open_world`: its results are untrusted text. `polling`: it
            is called until its result changes, which is no loop. `timeout`: seconds for one attempt. `retries`:
            further attempts after `transient` errors, for repeatable tools only.
            `usd`: cost of one call. `sensitive`: arguments that choose a recipient, an amount or a resource.
            `untrusted`, `attested`, `private`: dotted paths of result fields that hold text of others, that the
            system vouches for, or that are for the user alone (`"*"`: all). `registries`: by argument, a function
            that lists its known values, such as contacts or payees; it takes the `ToolContext`.
            `max_result_bytes`: a larger result is refused. `guards`: cache, rate, concurrency, breaker, fallback.
            `status`: a function that takes some of the arguments, or the ToolContext, and tells after a crash whether
            the call took effect: `Happened(result)`, None, or an error where it cannot tell. `isolated`: it runs in a
            process of its own, which is killed when its time is up; a synchronous tool that is not can only be left
            to itself in its thread.

    Raises:
        ContractBroken: the signature or the promise cannot be kept.
    """
    promised = _Promise(**promise)
    return promised.declare if function is None else promised.declare(function)


@dataclass(frozen=True, kw_only=True)
class _Promise:
    """What `@tool` was told."""

    read_only: bool = False
    destructive: bool | None = None
    idempotent: bool = False
    open_world: bool = False
    polling: bool = False
    timeout: float = 30.0
    retries: int = 0
    version: str = "1"
    usd: str | Decimal = "0"
    sensitive: Sequence[str] = ()
    untrusted: Sequence[str] = ()
    attested: Sequence[str] = ()
    private: Sequence[str] = ()
    registries: Mapping[str, Registry] = field(default_factory=dict[str, Registry])
    name: str | None = None
    transient: tuple[type[BaseException], ...] = (ConnectionError, TimeoutError)
    max_result_bytes: int = 1_000_000
    guards: Guards = field(default_factory=Guards)
    status: Callable[..., Any] | None = None
    isolated: bool = False

    def declare(self, function: Callable[P, R]) -> FunctionTool[P, R]:
        place = place_of(function, self.name or str(getattr(function, "__name__", "")))
        _check_name(place)
        _check_waiting(function, place, isolated=self.isolated)
        signature = read(function, place)
        contract = self._contract(place, summary(function.__doc__), signature)
        check_promise(contract, place)
        self.guards.check(contract, place, takes_context=bool(signature.context))
        names = [name for _field, name in signature.fields]
        return FunctionTool(
            function=function,
            contract=contract,
            signature=signature,
            transient=self.transient,
            max_result_bytes=self.max_result_bytes,
            guards=self.guards,
            registries=self.registries,
            processes=Processes(address_of(function, place.name, place)) if self.isolated else None,
            told=None if self.status is None else status_of(self.status, names, place),
        )

    def _contract(self, place: Place, description: str, signature: Signature) -> ToolContract:
        return ToolContract(
            name=place.name,
            description=description or place.name.replace("_", " "),
            arguments=signature.arguments_schema,
            result=signature.result_schema,
            version=self.version,
            read_only=self.read_only,
            destructive=not self.read_only if self.destructive is None else self.destructive,
            idempotent=self.idempotent,
            open_world=self.open_world,
            polling=self.polling,
            timeout_s=self.timeout,
            tracked=self.status is not None,
            retries=self.retries,
            limit_s=self.guards.longest_s(self.timeout, self.retries),
            usd=_price(self.usd, place),
            sensitive=frozenset(_known(self.sensitive, signature, place)),
            untrusted=_paths(self.untrusted),
            attested=_paths(self.attested),
            private=_paths(self.private),
            registries=tuple(_known(tuple(self.registries), signature, place, "registries")),
        )


def check_promise(contract: ToolContract, place: Place) -> None:
    """Refuse hints and limits that contradict each other.

    Raises:
        ContractBroken: naming the contradiction.
    """
    if contract.read_only and contract.destructive:
        raise place.broken("it is declared read_only and destructive", "drop one of the two")
    if contract.polling and not contract.read_only:
        raise place.broken("it is declared polling and changes something", "declare it read_only, or drop polling")
    if not contract.timeout_s > 0:
        raise place.broken(f"the timeout is {contract.timeout_s}", "give seconds above 0")
    if contract.retries < 0:
        raise place.broken(f"retries is {contract.retries}", "give 0 or more")
    if contract.retries and not contract.repeatable:
        raise place.broken(
            "it is to be retried, but a second attempt could repeat its effect",
            "drop retries, or declare it read_only or idempotent if that is true",
        )


def _check_waiting(function: Callable[..., Any], place: Place, *, isolated: bool) -> None:
    if not isolated and (name := blocking_call(function)) is not None:
        raise place.broken(
            f"it is asynchronous and calls {name}, which holds up every other call and no timeout can end",
            "await something instead, or write it with `def`, so that it runs in a thread; isolated=True makes it one "
            "that can be killed",
        )


def _check_name(place: Place) -> None:
    if place.name in RESERVED:
        raise place.broken("the name is reserved", "give another with @tool(name=...)")
    if not NAME.fullmatch(place.name):
        raise place.broken(
            "the name is not one that models can call",
            "use at most 64 letters, digits, _ and -, as in name='find_order'",
        )


def _price(usd: str | Decimal, place: Place) -> Decimal:
    try:
        price = Decimal(usd)
    except InvalidOperation as error:
        raise place.broken(f"usd is {usd!r}", "give a number as text, as in usd='0.002'") from error
    if not price.is_finite() or price < 0:
        raise place.broken(f"usd is {usd}", "give 0 or more")
    return price


def _paths(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _known(names: Sequence[str], signature: Signature, place: Place, promise: str = "sensitive") -> Sequence[str]:
    known = [argument for _field, argument in signature.fields]
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            raise place.broken(
                f"{promise} names {name!r}, which is no argument{closest(name, known)}",
                f"name some of {', '.join(known) or 'its arguments (it has none)'}",
            )
    return [names] if isinstance(names, str) else names
