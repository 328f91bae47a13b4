"""Read a function's signature into validators and schemas, once, when the tool is declared."""

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from interlock.runtime.contract import JsonSchema
from interlock.runtime.errors import ContractBroken
from interlock.runtime.records import ToolContext
from interlock.tools import docstrings
from interlock.tools.places import Place
from interlock.tools.schemas import Schemas, tidy

_UNFIT = (PydanticSchemaGenerationError, PydanticUserError, PydanticUndefinedAnnotation)
_PLAIN = "use plain types, dataclasses or pydantic models"
_KEYED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A function's arguments and result, ready to be checked."""

    model: type[BaseModel]
    """Arguments. Its fields have made-up names, so that an argument may be called `copy` or `schema`; the argument's
    own name is the field's alias."""
    fields: tuple[tuple[str, str], ...]
    """Field and the argument it stands for."""
    context: str
    """The parameter that takes the ToolContext; empty where there is none."""
    result: "TypeAdapter[Any]"
    arguments_schema: JsonSchema
    result_schema: JsonSchema

    def typed(self, arguments: dict[str, Any]) -> BaseModel:
        """Make typed values of JSON data, no less strictly than the schema asks for.

        Raises:
            ValidationError: they do not fit.
            ValueError: they are no JSON data.
        """
        try:
            return self.model.model_validate_json(to_json(arguments, inf_nan_mode="constants"), strict=True)
        except ValidationError:
            # To JSON schema 3.0 is a whole number, to pydantic's strict mode it is not.
            whole = _whole(arguments)
            if repr(whole) == repr(arguments):
                raise
        return self.model.model_validate_json(to_json(whole, inf_nan_mode="constants"), strict=True)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(part) for key, part in cast(Mapping[str, Any], value).items()}
    return [_whole(part) for part in cast(Iterable[Any], value)] if isinstance(value, list) else value


def read(function: Callable[..., Any], place: Place) -> Signature:
    """Read the signature.

    Raises:
        ContractBroken: a type is missing or has no JSON form, or a parameter cannot be filled by name.
    """
    hints = _hints(function, place)
    context, parameters = _parameters(function, hints, place)
    documented = docstrings.arguments(function.__doc__)
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters):
        fields[f"a{number}"] = _field(parameter, hints[parameter.name], documented, place)
    model = _model(place, fields, hints)
    for parameter in parameters:
        if parameter.default is not inspect.Parameter.empty:
            _check_default(parameter.name, hints[parameter.name], parameter.default, place)
    result = _result(hints["return"], place)
    return Signature(
        model=model,
        fields=tuple((f"a{number}", parameter.name) for number, parameter in enumerate(parameters)),
        context=context,
        result=result,
        arguments_schema=tidy(model.model_json_schema(by_alias=True, schema_generator=Schemas)),
        result_schema=tidy(result.json_schema(mode="serialization", schema_generator=Schemas)),
    )


def _hints(function: Callable[..., Any], place: Place) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise place.broken(f"a type cannot be resolved: {error}", "define or import it at module level") from error
    if "return" not in hints:
        raise place.broken("the result has no type", "annotate it, as in `-> Order` (`-> None` if there is none)")
    return hints


def _parameters(
    function: Callable[..., Any], hints: dict[str, Any], place: Place
) -> tuple[str, list[inspect.Parameter]]:
    context, kept = "", list[inspect.Parameter]()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in _KEYED:
            raise place.broken(f"parameter {str(parameter)!r} cannot be filled by name", "write each parameter out")
        if parameter.name not in hints:
            raise place.broken(f"parameter {parameter.name!r} has no type", f"annotate it: `{parameter.name}: str`")
        if hints[parameter.name] is ToolContext:
            context = parameter.name
            continue
        kept.append(parameter)
    return context, kept


def _field(parameter: inspect.Parameter, hint: Any, documented: dict[str, str], place: Place) -> tuple[Any, Any]:
    if isinstance(parameter.default, FieldInfo):
        raise place.broken(
            f"the default of {parameter.name!r} is a pydantic Field, which a plain call would pass on",
            f"move it into the type: `{parameter.name}: Annotated[..., Field(...)]`",
        )
    about = documented.get(parameter.name)
    extra = Field(alias=parameter.name, description=about) if about else Field(alias=parameter.name)
    default = ... if parameter.default is inspect.Parameter.empty else parameter.default
    return Annotated[hint, extra], default


def _model(place: Place, fields: dict[str, Any], hints: dict[str, Any]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=False)
    try:
        model: type[BaseModel] = create_model(place.name, __config__=config, **fields)
        model.model_json_schema()
    except _UNFIT as error:
        raise _unfit(hints, place) from error
    return model


def _unfit(hints: dict[str, Any], place: Place) -> ContractBroken:
    for name, hint in hints.items():
        try:
            TypeAdapter(hint).json_schema()
        except _UNFIT:
            return place.broken(f"the type of {name!r} has no JSON form", _PLAIN)
    return place.broken("its arguments have no JSON form", _PLAIN)


def _check_default(name: str, annotation: Any, default: Any, place: Place) -> None:
    try:
        TypeAdapter(annotation).validate_python(default, strict=True)
    except ValidationError as error:
        fix = f"write `{name}: ... | None = None`" if default is None else "change the type or the default"
        raise place.broken(f"the default of {name!r}, {default!r}, is not of its type", fix) from error


def result_of(hint: Any) -> "TypeAdapter[Any]":
    """Read and write results of a type. What is no number stays so, and is refused: as null it would pass."""
    try:
        return TypeAdapter(hint, config=ConfigDict(ser_json_inf_nan="constants"))
    except PydanticUserError:
        return TypeAdapter(hint)  # the type is configured by itself


def _result(hint: Any, place: Place) -> "TypeAdapter[Any]":
    try:
        adapter = result_of(hint)
        adapter.json_schema(mode="serialization")
    except _UNFIT as error:
        raise place.broken(
            "the type of its result has no JSON form", "return plain types or a pydantic model"
        ) from error
    return adapter
