"""Where a Postgres database is, in words that never hold its password."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from interlock.runtime.errors import BadInput

SCHEMES = ("postgresql", "postgres")
DEFAULT_SCHEMA = "interlock"
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_FIX = "write postgresql://USER:PASSWORD@HOST:PORT/NAME, with %40, %2F and %23 for @, / and # in the password"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A database and the schema in it that holds our tables."""

    parameters: dict[str, Any] = field(repr=False)
    """What libpq is given; the password is among them."""
    schema: str
    where: str
    """For people."""

    @staticmethod
    def of(url: str) -> "Address":
        """Read a URL. `?schema=name` chooses the schema; all other parameters are libpq's.

        Raises:
            BadInput: it is no such URL. What it holds is not repeated.
        """
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        plain, schema = _without_schema(url)
        try:
            found = conninfo_to_dict(plain)
        except ProgrammingError:
            raise _refused("it cannot be read") from None
        return Address(parameters=dict(found), schema=schema, where=_shown(found, schema))

    def hidden(self, text: str) -> str:
        """Take the password out of what a server or a library says."""
        password = str(self.parameters.get("password") or "")
        return text.replace(password, "…") if password else text


def _without_schema(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused("it cannot be read") from None
    if parts.scheme not in SCHEMES:
        raise _refused("it does not begin with postgresql://")
    if parts.netloc.count("@") > 1 or "@" in parts.path or parts.fragment:
        raise _refused("an @, / or # of the password stands there as it is")
    query = parse_qsl(parts.query, keep_blank_values=True)
    schema = dict(query).get("schema", DEFAULT_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise _refused(f"{schema!r} is no name for a schema: small letters, digits and _ are")
    rest = urlencode([(name, value) for name, value in query if name != "schema"], quote_via=quote)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{rest}".rstrip("?"), schema  # urlunsplit drops an empty host


def _shown(found: dict[str, Any], schema: str) -> str:
    host, port = found.get("host") or "localhost", found.get("port") or 5432
    return f"postgresql://{host}:{port}/{found.get('dbname') or found.get('user') or ''}, schema {schema}"


def _refused(what: str) -> BadInput:
    return BadInput(what=f"the database's URL cannot be used: {what}", where="INTERLOCK_DATABASE", fix=_FIX)
