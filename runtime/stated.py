"""What users state in code, as checked data: a wrong value is an error of ours, that names the field and the fix."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from interlock.runtime.errors import BadInput

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
    from pydantic_core import ErrorDetails
else:
    ModelMetaclass = type(BaseModel)


def field_error(details: "ErrorDetails") -> str:
    """Say in a line which field is wrong, and why."""
    place = ".".join(str(part) for part in details["loc"])
    return f"{place}: {details['msg']}" if place else details["msg"]


class _Telling(ModelMetaclass):
    """Turns what pydantic raises where an object is made by hand; what reads files validates, and tells of the file."""

    if not TYPE_CHECKING:  # editors shall see the fields

        def __call__(cls, *values: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*values, **fields)
            except ValidationError as error:
                wrong = error.errors(include_url=False)
                unknown = any(details["type"] == "extra_forbidden" for details in wrong)
                raise BadInput(
                    what="; ".join(map(field_error, wrong)),
                    where=cls.__name__,
                    fix=f"it takes {', '.join(cls.model_fields)}" if unknown else "give another value",
                ) from error


class Stated(BaseModel, metaclass=_Telling, frozen=True, extra="forbid"):
    """What users make by hand, such as a budget.

    Raises:
        BadInput: a value is out of its range, of another type, missing, or unknown.
    """
