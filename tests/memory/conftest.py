import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from interlock.memory import Memory, ReadPolicy, WritePolicy
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Owner
from servers import Proxy, free_port, running
from store_peers import Shelf, shelf


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path, clock: ManualClock) -> Iterator[Store]:
    opened = Memory(write=WritePolicy(), read=ReadPolicy()).open(home, clock)
    yield opened
    opened.close()


@pytest.fixture
def ann() -> Owner:
    return Owner(tenant="acme", user="ann")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Shelf]:
    with shelf(tmp_path / "stores") as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("server"), free_port()) as url:
        yield url


@pytest.fixture
def proxy(server: str) -> Iterator[str]:
    class Ours(Proxy):
        behind = int(server.rpartition(":")[2])

    with ThreadingHTTPServer(("127.0.0.1", 0), Ours) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}{Proxy.prefix}"
        listening.shutdown()
