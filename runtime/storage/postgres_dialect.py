"""How SQLAlchemy writes for Postgres. Imported where it is used: it is slow to load."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

__all__ = ["POSTGRES", "insert"]


class _Types(PGTypeCompiler):
    """Types as wide as SQLite's, and as indifferent to language."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:
        return "BIGINT"  # money is counted in billionths of a dollar

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:
        return 'TEXT COLLATE "C"'


class _Dialect(PGDialect_psycopg):
    type_compiler_cls = _Types


POSTGRES = _Dialect()  # type: ignore[no-untyped-call]
