"""Make a new agent project: small, and running at once."""

from importlib.resources import files
from pathlib import Path

from interlock.runtime.errors import BadInput

TEMPLATE = files("interlock.serving") / "template"


def make_project(folder: Path) -> list[Path]:
    """Write the template into a new folder, and name what was written.

    Raises:
        BadInput: the folder holds something already, or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(
            what="there is something already", where=str(folder), fix="name a folder that does not exist yet"
        )
    written: list[Path] = []
    try:
        for name in ("agent.py", "tools.py", "policy.cedar", "prompts/system.md", "evals/first.yaml"):
            source = TEMPLATE.joinpath(f"{name}.txt")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8").replace("{name}", _name(folder)), encoding="utf-8")
            written.append(target)
    except OSError as error:
        raise BadInput(what=f"cannot write: {error.strerror}", where=str(folder), fix="name another folder") from error
    return written


def _name(folder: Path) -> str:
    name = "".join(c if c.isalnum() or c in "_-" else "-" for c in folder.resolve().name)
    return name if name[:1].isalpha() else f"agent-{name}"
