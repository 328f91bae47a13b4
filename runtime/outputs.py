"""What an agent's replies must look like, where it declares that: JSON of a pydantic model, or of a JSON schema."""

import re
from copy import deepcopy
from typing import Any, ClassVar, Self, TypeVar, cast

from pydantic import BaseModel, RootModel, ValidationError, create_model, model_validator
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic_core import ErrorDetails, PydanticCustomError, from_json

from interlock.runtime.contract import JsonSchema
from interlock.runtime.errors import BadInput, OutputBroken
from interlock.runtime.jsondata import Checker
from interlock.runtime.stated import field_error

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What providers take as the name of a function, by which a model is made to give data."""
_UNTITLED = "Output"
_MOST_PROBLEMS = 8
_BY_SCHEMA = "json_schema"

Shape = TypeVar("Shape", bound=BaseModel)


def shape_of(output: object, where: str) -> type[BaseModel]:
    """Read what was declared as a model; a JSON schema becomes one that its schema checks.

    Raises:
        BadInput: no language model could be asked for it: it is neither, or describes no object.
    """
    try:
        return _described(cast(JsonSchema, output)) if isinstance(output, dict) else _modelled(output)
    except ValueError as error:
        fix = "give a pydantic model with fields, or the JSON schema of an object"
        raise BadInput(what=f"output={output!r} {error}", where=where, fix=fix) from error


def _modelled(output: object) -> type[BaseModel]:
    if not isinstance(output, type) or not issubclass(output, BaseModel):
        raise ValueError("is no pydantic model and no JSON schema")  # one kind for all that is unfit
    if not _NAME.fullmatch(output.__name__):
        raise ValueError("has a name that no function can have")
    try:
        schema = output.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        raise ValueError("has no JSON schema") from error
    if schema.get("type") != "object":
        raise ValueError("is no object in JSON")
    return output


class _Described(RootModel[dict[str, Any]]):
    """Data that a JSON schema describes."""

    written: ClassVar[JsonSchema]
    checker: ClassVar[Checker]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if problems := self.checker.problems(self.root):
            raise PydanticCustomError(_BY_SCHEMA, "breaks its schema", {"problems": problems})
        return self

    @classmethod
    def model_json_schema(cls, *_args: Any, **_options: Any) -> dict[str, Any]:
        """Give the schema as it was declared."""
        return cls.written


def _described(schema: JsonSchema) -> type[BaseModel]:
    if schema.get("type") != "object" or not schema.get("properties"):
        raise ValueError("describes no object with properties")
    try:
        closed = _closed(deepcopy(schema))
        checker = Checker(closed, part="field")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON schema: {error}") from error
    title = re.sub(r"\W+", "_", str(schema.get("title", "")), flags=re.ASCII)[:64]
    name = title if _NAME.fullmatch(title) else _UNTITLED
    made = create_model(name, __base__=_Described, __doc__=str(schema.get("description", name)))
    made.written, made.checker = closed, checker
    return made


def _closed(schema: Any) -> Any:
    """Refuse what objects do not name, wherever their schema does not say that they are open."""
    if not isinstance(schema, dict):
        return schema
    made = cast(JsonSchema, schema)
    for group in ("properties", "$defs"):
        if isinstance(made.get(group), dict):
            made[group] = {name: _closed(part) for name, part in made[group].items()}
    if "items" in made:
        made["items"] = _closed(made["items"])
    if "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def fitting(shape: type[Shape], text: str | bytes) -> Shape:
    """Read JSON as a shape.

    Raises:
        OutputBroken: it is none of it; with every field that is wrong.
    """
    try:
        from_json(text, allow_inf_nan=False)  # what is no number would go out as null
        return shape.model_validate_json(text)
    except ValidationError as error:
        problems = [each for details in error.errors(include_url=False) for each in _problems(details)]
    except ValueError as error:
        problems = [f"Invalid JSON: {error}"]
    raise OutputBroken(schema=shape.__name__, problems=tuple(problems[:_MOST_PROBLEMS]))


def _problems(details: ErrorDetails) -> tuple[str, ...]:
    if details["type"] == _BY_SCHEMA:
        return tuple(details.get("ctx", {})["problems"])
    return (field_error(details),)
