"""A store whose vectors lie on a Chroma server: a real one, and behind a proxy that asks who comes."""

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from interlock.memory import ChromaStore
from interlock.memory.collection import connect_to, disconnect
from interlock.memory.layout import store_folder
from interlock.runtime.errors import ServerUnreachable
from store_peers import Letters

NS = ("docs",)
KEY = {"Authorization": "Bearer of-the-proxy"}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running(folder: Path, port: int) -> Generator[str]:
    """Run a Chroma server until the block ends."""
    command = [
        Path(sys.executable).with_name("chroma"),
        "run",
        "--path",
        folder,
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("server"), free_port()) as url:
        yield url


class Proxy(BaseHTTPRequestHandler):
    """Lets through what comes below a path and carries a key."""

    behind = 0
    prefix = "/vectors/of/ours"

    def _pass_on(self) -> None:
        if self.headers["Authorization"] != KEY["Authorization"] or not self.path.startswith(self.prefix):
            self.send_error(401, "who are you?")
            return
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        kept = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "accept")}
        with closing(http.client.HTTPConnection("127.0.0.1", self.behind)) as asked:
            asked.request(self.command, self.path.removeprefix(self.prefix), body, kept)
            answer = asked.getresponse()
            found = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"] or "application/json")
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    do_GET = do_POST = do_PUT = do_DELETE = _pass_on

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def proxy(server: str) -> Iterator[str]:
    class Ours(Proxy):
        behind = int(server.rpartition(":")[2])

    with ThreadingHTTPServer(("127.0.0.1", 0), Ours) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}{Proxy.prefix}"
        listening.shutdown()


Open = Callable[..., ChromaStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    made: list[ChromaStore] = []

    def opened(url: str, path: Path = tmp_path, **more: object) -> ChromaStore:
        index = {"dims": Letters.dims, "embed": Letters(), "fields": ["text"]}
        store = ChromaStore(path, index=index, url=url, **more)  # type: ignore[arg-type]
        made.append(store)
        return store

    yield opened
    for store in made:
        with suppress(ServerUnreachable):
            store.close()


def filled(store: ChromaStore) -> ChromaStore:
    for key, text in (("a", "zebra"), ("b", "quill")):
        store.put(NS, key, {"text": text})
    return store


def test_vectors_lie_on_the_server_and_not_in_the_folder(server: str, open_store: Open, tmp_path: Path) -> None:
    filled(open_store(server)).close()

    assert not (store_folder(tmp_path, "") / "vectors").exists()
    assert [item.key for item in open_store(server).search(NS, query="quill")] == ["b", "a"]


def test_two_may_write_through_a_server_and_each_finds_what_the_other_wrote(server: str, open_store: Open) -> None:
    one, other = filled(open_store(server)), open_store(server)
    assert [item.key for item in other.search(NS, query="quill")] == ["b", "a"]
    other.put(NS, "c", {"text": "quill"})
    one.put(NS, "b", {"text": "fjord"})
    other.delete(NS, "a")

    for store in (one, other):
        found = store.search(NS, query="quill")
        assert [item.key for item in found] == ["c", "b"]
        assert (found[1].score or 0) < 0.9


def test_stores_on_one_server_have_nothing_in_common(server: str, open_store: Open, tmp_path: Path) -> None:
    filled(open_store(server)).close()
    beside = open_store(server, tmp_path / "beside")

    assert beside.search((), query="quill") == []


def test_a_proxy_with_a_path_and_a_key_is_passed(proxy: str, open_store: Open) -> None:
    filled(open_store(proxy, headers=KEY)).close()

    assert [item.key for item in open_store(proxy, headers=KEY).search(NS, query="quill")] == ["b", "a"]


def test_without_the_key_the_error_names_the_server_and_never_the_key(proxy: str, open_store: Open) -> None:
    store = filled(open_store(proxy, headers={"Authorization": "Bearer wrong-secret"}))

    with pytest.raises(ServerUnreachable, match=r"Chroma server: Client error '401 .*vectors/of/ours") as caught:
        store.close()
    assert "wrong-secret" not in str(caught.value)


def test_a_server_that_is_away_loses_nothing(open_store: Open, tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "server", port) as url:
        filled(open_store(url)).close()
    away = open_store(url)
    away.put(NS, "c", {"text": "quilt"})
    got = away.get(NS, "c")
    assert got is not None
    with pytest.raises(ServerUnreachable, match="nothing is lost"):
        away.search(NS, query="quill")
    with pytest.raises(ServerUnreachable):
        away.close()

    with running(tmp_path / "server", port) as url:
        assert [item.key for item in open_store(url).search(NS, query="quill")] == ["b", "c", "a"]


def test_a_collection_deleted_on_the_server_is_made_again(server: str, open_store: Open) -> None:
    filled(open_store(server)).close()
    client = connect_to(server, {})
    for collection in client.list_collections():
        client.delete_collection(collection.name)
    disconnect(client)

    assert [item.key for item in open_store(server).search(NS, query="quill")] == ["b", "a"]
