"""Run the MCP conformance suite against `interlock mcp serve --http`.

The suite and the Node it needs come from npm, into the virtual environment.
"""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SUITE = "@modelcontextprotocol/conformance@0.1.16"
NODE = "node@22"
HERE = Path(__file__).parent
MODULES = Path(sys.prefix) / "mcp-conformance"


def main() -> int:
    if not (MODULES / "node_modules" / "node").exists():
        MODULES.mkdir(exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(["npm", "install", *quiet, "--prefix", str(MODULES), SUITE, NODE], check=True)
    node = MODULES / "node_modules" / "node" / "bin" / "node"
    suite = MODULES / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch)) as url:
        known = ["--expected-failures", str(HERE / "not_served.yml"), "--output-dir", f"{scratch}/results"]
        return subprocess.run([node, suite, "server", "--url", url, *known], check=False).returncode


@contextmanager
def serving(scratch: Path) -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    interlock = Path(sys.executable).with_name("interlock")
    command = [interlock, "mcp", "serve", HERE, "--http", str(port), "--home", scratch / "home"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the server did not come up")


if __name__ == "__main__":
    sys.exit(main())
