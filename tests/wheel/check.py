"""Build the package, install its wheel into a clean environment, and use it there as its user would.

The user's own folder holds packages named `tools` and `memory`, as many repositories do.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from venv import EnvBuilder
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[2]
LINKED = [path.name for path in (ROOT / "src" / "interlock").iterdir() if path.is_symlink()]
IMPORT_ALL = """
import importlib, sys, interlock
for name in sys.argv[1:]: importlib.import_module(name)
print(interlock.__file__)
"""
DEVELOPERS_OWN = ("PYTHON", "VIRTUAL_ENV", "MAKE")


def main() -> None:
    with TemporaryDirectory(prefix="interlock-wheel-") as scratch:
        place = Path(scratch)
        wheel = build(place / "dist")
        shipped = nothing_is_lost(wheel)
        bin_ = install(wheel, place / "env")
        home = neighbourhood(place / "project")
        import_everything(bin_, home, shipped)
        answer = run_the_example(bin_, home)
    print(f"wheel test passed: {len(shipped)} files shipped, every module imported; the example says: {answer}")


def build(dist: Path) -> Path:
    """Build the sdist, and from it the wheel."""
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT], cwd=ROOT)
    (wheel,) = dist.glob("*.whl")
    return wheel


def nothing_is_lost(wheel: Path) -> set[str]:
    """Compare what the wheel holds with what the checkout holds, file by file."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *LINKED, "src/interlock/*.*"]
    checkout = set(run(listing, cwd=ROOT).split())
    expected = {path.removeprefix("src/") if path.startswith("src/") else f"interlock/{path}" for path in checkout}
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if shipped != expected:
        raise SystemExit(f"the wheel lacks {sorted(expected - shipped)}, and has beyond {sorted(shipped - expected)}")
    return shipped


def install(wheel: Path, env: Path) -> Path:
    """Make a clean environment with the wheel in it, and return the folder of its programs."""
    EnvBuilder(with_pip=True).create(env)
    pip = [env / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile"]
    run([*pip, "--constraint", ROOT / "constraints.txt", f"{wheel}[offline,postgres]"], cwd=env)
    return env / "bin"


def neighbourhood(home: Path) -> Path:
    """Make a user's folder whose own packages break whatever imports them by mistake."""
    for name in ("tools", "memory"):
        (home / name).mkdir(parents=True)
        (home / name / "__init__.py").write_text(f"raise ImportError('the {name} of the user was imported')\n")
    return home


def import_everything(bin_: Path, home: Path, shipped: set[str]) -> None:
    paths = sorted(Path(name).with_suffix("") for name in shipped if name.endswith(".py"))
    modules = [".".join(part for part in path.parts if part != "__init__") for path in paths]
    origin = run([bin_ / "python", "-c", IMPORT_ALL, *modules], cwd=home).strip()
    if not Path(origin).is_relative_to(bin_.parent):
        raise SystemExit(f"interlock was imported from {origin}, not from the wheel")


def run_the_example(bin_: Path, home: Path) -> str:
    """Ask the support agent, copied into the user's folder, and give its answer."""
    copytree(ROOT / "examples" / "support", home / "support", ignore=ignore_patterns("__pycache__"))
    command = [bin_ / "interlock", "run", "support", "Where is order 1042?", "--user", "7", "--json"]
    reply = json.loads(run(command, cwd=home))
    if reply["status"] != "done" or "1042" not in reply["text"]:
        raise SystemExit(f"the example did not answer: {reply}")
    return reply["text"]


def run(command: Sequence[str | Path], *, cwd: Path) -> str:
    """Run a program apart from the developer's own environment; whatever it prints is shown only if it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(DEVELOPERS_OWN)}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\nfailed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
