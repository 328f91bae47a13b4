"""Run the MCP conformance suite against `interlock mcp serve --http`.

The suite and the Node it needs come from npm, into the virtual environment. Where there is no npm, or it brings
nothing, this says so and ends well: what cannot be asked has not failed.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SUITE = "@modelcontextprotocol/conformance@0.1.16"
NODE = "node@22.23.3"
HERE = Path(__file__).parent
MODULES = Path(sys.prefix) / "mcp-conformance"


PROGRAM = MODULES / "node_modules" / "node" / "bin" / "node"
SCRIPT = MODULES / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
SCENARIO = re.compile(r"^[✓✗~] ([\w-]+): \d+ passed, (\d+) failed", re.MULTILINE)


def main() -> int:
    if why := hindrance():
        print(f"\n*** MCP CONFORMANCE WAS NOT CHECKED: {why} ***\n", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch)) as url:
        known = ["--expected-failures", str(HERE / "not_served.yml"), "--output-dir", f"{scratch}/results"]
        command = [PROGRAM, SCRIPT, "server", "--url", url, *known]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout)
    ended = SCENARIO.findall(done.stdout)
    served = sum(failed == "0" for _name, failed in ended)
    print(f"MCP conformance: {served} of {len(ended)} scenarios served; not_served.yml names the others")
    if done.returncode or not ended:
        print("MCP conformance FAILED: a scenario ended otherwise than not_served.yml says", file=sys.stderr)
        return 1
    return 0


def hindrance() -> str:
    """Fetch the suite, and tell what stands in the way; empty where it is there."""
    if PROGRAM.exists() and SCRIPT.exists():
        return ""
    if (npm := shutil.which("npm")) is None:
        return "there is no npm"
    MODULES.mkdir(exist_ok=True)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    for _attempt in range(2):
        if not subprocess.run([npm, "install", *quiet, "--prefix", MODULES, SUITE, NODE], check=False).returncode:
            break
    return "" if PROGRAM.exists() and SCRIPT.exists() else f"npm brought no {SUITE} and {NODE}"


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
