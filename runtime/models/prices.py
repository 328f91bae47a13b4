"""Prices as data: what models cost, and since when."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from interlock.runtime.clock import Clock, SystemClock
from interlock.runtime.errors import BadInput
from interlock.runtime.models.chat import Price
from interlock.runtime.stated import Stated


class Priced(Stated):
    """US dollars for a million tokens of one model, from a day on."""

    model: str = Field(min_length=1)
    since: date
    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)


class Prices(Mapping[str, Price]):
    """A price table; gives the prices of today (UTC). For `Agent(prices=)`.

    A model has no price before its first day, and a budget in money refuses what has no price.
    """

    def __init__(self, rows: Sequence[Priced], *, clock: Clock | None = None) -> None:
        self._rows = sorted(rows, key=lambda row: row.since)
        self._clock = clock or SystemClock()

    @classmethod
    def read(cls, path: str | Path, *, clock: Clock | None = None) -> "Prices":
        """Read a table from a YAML or JSON file: a list of model, since, input, output.

        Raises:
            BadInput: the file cannot be read, or a row is wrong.
        """
        try:
            rows = TypeAdapter(list[Priced]).validate_python(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            fix = (
                "write rows of model, since, input and output, such as {model: 'openai:gpt-5', since: 2026-01-01, ...}"
            )
            raise BadInput(what=f"the price table cannot be used: {error}", where=str(path), fix=fix) from error
        return cls(rows, clock=clock)

    def __getitem__(self, model: str) -> Price:
        today = self._clock.now().date()
        in_force = [row for row in self._rows if row.model == model and row.since <= today]
        if not in_force:
            raise KeyError(model)
        return Price(input=in_force[-1].input, output=in_force[-1].output)

    def __iter__(self) -> Iterator[str]:
        today = self._clock.now().date()
        return iter(dict.fromkeys(row.model for row in self._rows if row.since <= today))

    def __len__(self) -> int:
        return sum(1 for _ in self)
