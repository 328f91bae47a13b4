"""Tools written for LangChain, taken in behind a contract."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from interlock.runtime.contract import ToolContract
from interlock.tools.decorator import check_promise
from interlock.tools.function import FunctionTool
from interlock.tools.places import Place
from interlock.tools.schemas import Schemas, tidy
from interlock.tools.signature import Signature

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
) -> FunctionTool[..., Any]:
    """Take in a LangChain tool. What is not said about it is taken to be the worst case.

    Raises:
        ContractBroken: it has no pydantic argument schema, or the hints contradict each other.
    """
    place = Place(name=inner.name, where=f"LangChain tool {type(inner).__qualname__}")
    signature = _signature(inner, place)
    contract = ToolContract(
        name=inner.name,
        description=inner.description.strip(),
        arguments=signature.arguments_schema,
        result=signature.result_schema,
        version=version,
        read_only=read_only,
        destructive=not read_only if destructive is None else destructive,
        idempotent=idempotent,
        open_world=open_world,
        timeout_s=timeout,
        retries=retries,
    )
    check_promise(contract, place)
    return _tool(inner, contract, signature)


def _tool(inner: "BaseTool", contract: ToolContract, signature: Signature) -> FunctionTool[..., Any]:
    async def call(**arguments: Any) -> Any:
        return await inner.ainvoke(arguments)

    return FunctionTool(
        function=call,
        contract=contract,
        signature=signature,
        transient=(ConnectionError, TimeoutError),
        max_result_bytes=1_000_000,
    )


def _signature(inner: "BaseTool", place: Place) -> Signature:
    schema = inner.tool_call_schema
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise place.broken("its arguments are described by no pydantic model", "give it a pydantic args_schema")
    model: type[BaseModel] = type(schema.__name__, (schema,), {"model_config": ConfigDict(extra="forbid")})
    arguments = tidy(model.model_json_schema(schema_generator=Schemas)) | {"additionalProperties": False}
    arguments.pop("description", None)
    return Signature(
        model=model,
        fields=tuple((name, name) for name in model.model_fields),
        context="",
        result=TypeAdapter(Any),
        arguments_schema=arguments,
        result_schema={},
    )
