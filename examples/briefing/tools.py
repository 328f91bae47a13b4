"""What the day holds, from two files beside this one."""

import csv
from pathlib import Path

from pydantic import BaseModel

from interlock import tool

HERE = Path(__file__).parent


class Appointment(BaseModel):
    """Somewhere to be."""

    at: str
    title: str


class Task(BaseModel):
    """Something to do."""

    due: str
    title: str


@tool(read_only=True, timeout=5)
def appointments() -> list[Appointment]:
    """List today's appointments, earliest first."""
    return sorted((Appointment.model_validate(row) for row in rows("appointments.csv")), key=lambda found: found.at)


@tool(read_only=True, timeout=5)
def open_tasks() -> list[Task]:
    """List what is still to be done, the most urgent first."""
    return sorted((Task.model_validate(row) for row in rows("tasks.csv")), key=lambda found: found.due)


def rows(file: str) -> list[dict[str, str]]:
    """Read a table."""
    with (HERE / file).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))
