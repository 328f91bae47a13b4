"""Tools written for LangChain, taken in behind a contract."""

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict

from interlock.runtime.contract import JsonSchema, ToolContract
from interlock.runtime.ports import Tool
from interlock.runtime.records import ToolContext
from interlock.tools.adopting import adopted
from interlock.tools.decorator import check_promise
from interlock.tools.foreign import ForeignTool
from interlock.tools.function import FunctionTool
from interlock.tools.places import Place
from interlock.tools.schemas import Schemas, tidy
from interlock.tools.signature import Signature, result_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def from_langchain(
    inner: "BaseTool",
    *,
    read_only: bool = False,
    destructive: bool | None = None,
    idempotent: bool = False,
    open_world: bool = True,
    timeout: float = 30.0,
    retries: int = 0,
    version: str = "1",
) -> Tool:
    """Take in a LangChain tool. What is not said about it is taken to be the worst case.

    Raises:
        ContractBroken: its schema is none, or the hints contradict each other.
    """
    place = Place(name=inner.name, where=f"LangChain tool {type(inner).__qualname__}")
    described: Any = inner.tool_call_schema
    model = _closed_model(described) if isinstance(described, type) else None
    schema: JsonSchema = {} if model else cast(JsonSchema, described)
    contract = ToolContract(
        name=inner.name,
        description=inner.description.strip(),
        arguments=adopted(schema) if model is None else _arguments(model),
        result={},
        version=version,
        read_only=read_only,
        destructive=not read_only if destructive is None else destructive,
        idempotent=idempotent,
        open_world=open_world,
        timeout_s=timeout,
        retries=retries,
    )
    check_promise(contract, place)
    return _by_schema(inner, contract, place) if model is None else _by_model(inner, contract, model)


def _by_schema(inner: "BaseTool", contract: ToolContract, place: Place) -> ForeignTool:
    async def call(arguments: dict[str, Any], _context: ToolContext) -> Any:
        return await inner.ainvoke(arguments)

    return ForeignTool(contract, call, place)


def _by_model(inner: "BaseTool", contract: ToolContract, model: type[BaseModel]) -> FunctionTool[..., Any]:
    async def call(**arguments: Any) -> Any:
        return await inner.ainvoke(arguments)

    signature = Signature(
        model=model,
        fields=tuple((name, name) for name in model.model_fields),
        context="",
        result=result_of(Any),
        arguments_schema=contract.arguments,
        result_schema={},
    )
    return FunctionTool(
        function=call,
        contract=contract,
        signature=signature,
        transient=(ConnectionError, TimeoutError),
        max_result_bytes=1_000_000,
    )


def _closed_model(schema: type[BaseModel]) -> type[BaseModel]:
    """LangChain drops unknown arguments in silence; here they are refused."""
    return type(schema.__name__, (schema,), {"model_config": ConfigDict(extra="forbid")})


def _arguments(model: type[BaseModel]) -> JsonSchema:
    arguments = tidy(model.model_json_schema(schema_generator=Schemas)) | {"additionalProperties": False}
    arguments.pop("description", None)
    return arguments
