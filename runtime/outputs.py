"""What an agent's replies must look like, where it declares that: JSON of a pydantic model."""

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from interlock.runtime.errors import BadInput, OutputBroken

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What providers take as the name of a function, by which a model is made to give data."""
_MOST_PROBLEMS = 8

Shape = TypeVar("Shape", bound=BaseModel)


def check_output(output: object, where: str) -> None:
    """Refuse what no model could be asked for, when it is declared.

    Raises:
        BadInput: it is no pydantic model, or has no JSON schema of an object.
    """
    if (problem := _unfit(output)) is not None:
        raise BadInput(what=f"output={output!r} {problem}", where=where, fix="give a pydantic model with fields")


def _unfit(output: object) -> str | None:
    if not isinstance(output, type) or not issubclass(output, BaseModel):
        return "is no pydantic model"
    if not _NAME.fullmatch(output.__name__):
        return "has a name that no function can have"
    try:
        schema = output.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError):
        return "has no JSON schema"
    return None if schema.get("type") == "object" else "is no object in JSON"


def fitting(shape: type[Shape], text: str | bytes) -> Shape:
    """Read JSON as a shape.

    Raises:
        OutputBroken: it is none of it; with every field that is wrong.
    """
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        problems = [_problem(details["loc"], details["msg"]) for details in error.errors(include_url=False)]
        raise OutputBroken(schema=shape.__name__, problems=tuple(problems[:_MOST_PROBLEMS])) from error


def _problem(place: tuple[int | str, ...], what: str) -> str:
    return f"{'.'.join(str(part) for part in place)}: {what}" if place else what
