"""The options that commands share."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from interlock.runtime.home import Home
    from interlock.runtime.records import Caller

AgentName = Annotated[str, typer.Argument(metavar="AGENT", help="A folder with an agent.py, or module:attr.")]
HomePath = Annotated[
    Path | None, typer.Option("--home", help="Where journal, checkpoints and memory lie. [default: .interlock]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout, everything else on stderr.")]
User = Annotated[str, typer.Option("--user", help="For whom, or by whom.")]
Tenant = Annotated[str, typer.Option("--tenant", help="Of which tenant.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role; repeatable.")]
Thread = Annotated[str | None, typer.Option("--thread", help="The conversation. [default: a new one]")]
Model = Annotated[str | None, typer.Option("--model", help='"embedded" or "provider:name", instead of the agent\'s.')]


def home_at(path: Path | None) -> "Home":
    """Give the home at a path, or the settings' one."""
    from interlock.runtime.home import Home
    from interlock.runtime.settings import settings

    return Home(path or settings().home, database=settings().database)


def existing_home(path: Path | None) -> "Home":
    """Give a home that has been used before, so that a reading command makes nothing.

    Raises:
        NotFound: there is none.
    """
    from interlock.runtime.errors import NotFound
    from interlock.runtime.home import Home
    from interlock.runtime.settings import settings

    home = Home(home_at(path).path, reading=True, database=settings().database)
    if not home.used():
        raise NotFound(
            what="nothing has been recorded here", where=str(home.path), fix="run an agent first, or give --home"
        )
    return home


def span(text: str) -> timedelta:
    """Read a span of time: 30s, 15m, 12h, 90d.

    Raises:
        BadInput: it is none.
    """
    from interlock.runtime.errors import BadInput

    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    if not text[:-1].isdigit() or text[-1:] not in units:
        raise BadInput(what=f"{text!r} is no span of time", where="the command line", fix="write 30m, 12h or 90d")
    return timedelta(**{units[text[-1]]: int(text[:-1])})


def caller_of(user: str, tenant: str, roles: list[str] | None) -> "Caller":
    """Make a caller of the options."""
    from interlock.runtime.records import Caller

    return Caller.of({"user": user, "tenant": tenant, "roles": roles or ()})
