"""A real Chroma server, and a proxy before it that asks who comes."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

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
