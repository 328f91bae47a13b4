"""What importing may cost and leave behind. Each test imports in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

import interlock
from checkout import sources

HEAVY = {"chromadb", "langchain_core", "langgraph", "langsmith", "sentence_transformers", "torch"}


def _python(code: str, *, cwd: Path) -> str:
    home = {"HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = _python("import sys, interlock; print(*{name.partition('.')[0] for name in sys.modules})", cwd=tmp_path)

    assert HEAVY & set(loaded.split()) == set()


def test_every_public_name_is_where_the_package_says(tmp_path: Path) -> None:
    _python("import interlock\nfor name in interlock.__all__: getattr(interlock, name)", cwd=tmp_path)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'interlock' has no attribute 'Agnet'"):
        getattr(interlock, "Agnet")  # noqa: B009  # pyright would rightly refuse the plain form


def test_importing_every_module_writes_nothing(tmp_path: Path) -> None:
    names = [name for name, _ in sources()]

    _python(f"import importlib\nfor name in {names!r}: importlib.import_module(name)", cwd=tmp_path)

    assert list(tmp_path.rglob("*")) == []
