"""What an audit finds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that does not add up: in a row of the journal, or in a row of a table beside it."""

    problem: str
    row: int = 0
    """The journal row that it concerns; 0 where it concerns none."""
    table: str = ""
    """The table beside the journal that it concerns."""
    id: str = ""
    """Which of its rows."""

    @property
    def where(self) -> str:
        """Name the row."""
        return f"{self.table} {self.id}" if self.table else f"row {self.row}"
