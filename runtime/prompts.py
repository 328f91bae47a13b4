"""Versioned prompts: Markdown files with front matter (name, version, model hints), or the built-in ones."""

import hashlib
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from interlock.runtime.errors import PromptBroken

BUILT_IN = Path(__file__).parent / "default_prompts"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt as read from its file."""

    name: str
    version: str
    text: str

    @property
    def hash(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class PromptFolder:
    """The prompts of an agent: its own folder's files, and the built-in ones for names it does not have."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise PromptBroken(what="there is no such folder", where=str(folder), fix="make it, or leave prompts= out")
        files = [*BUILT_IN.glob("*.md"), *(sorted(folder.glob("*.md")) if folder else ())]
        self._prompts = {prompt.name: prompt for prompt in map(read_prompt_file, files)}

    def with_file(self, path: Path) -> "PromptFolder":
        """Give the same prompts with that of one file in place of its namesake.

        Raises:
            PromptBroken: the file cannot be read, or there is no prompt of its name.
        """
        prompt = read_prompt_file(path)
        self.get(prompt.name)
        changed = copy(self)
        changed._prompts = {**self._prompts, prompt.name: prompt}
        return changed

    def text(self, name: str) -> str:
        """Give a prompt's text (ports.Prompts)."""
        return self.get(name).text

    def get(self, name: str) -> Prompt:
        """Give a prompt.

        Raises:
            PromptBroken: there is none of that name.
        """
        try:
            return self._prompts[name]
        except KeyError:
            raise PromptBroken(
                what=f"no prompt {name!r}", where="prompts", fix=f"write {name}.md; there are {sorted(self._prompts)}"
            ) from None

    def all(self) -> list[Prompt]:
        """List the prompts by name."""
        return [self._prompts[name] for name in sorted(self._prompts)]


def read_prompt_file(path: Path) -> Prompt:
    """Read one prompt. Front matter is YAML between two lines of `---`; without it the file's name is the prompt's.

    Raises:
        PromptBroken: the file is not text, or its front matter is not what it should be.
    """
    try:
        text = path.read_text(encoding="utf-8")
        front, body = _split(text)
        facts: Any = yaml.safe_load(front) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PromptBroken(
            what=f"cannot be read: {error}", where=str(path), fix="write UTF-8 with YAML front matter"
        ) from error
    if not isinstance(facts, dict):
        raise PromptBroken(what="front matter is no mapping", where=str(path), fix="write lines such as `version: 2`")
    return Prompt(
        name=str(facts.get("name", path.stem)),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        version=str(facts.get("version", "1")),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        text=body.strip(),
    )


def _split(text: str) -> tuple[str, str]:
    if not text.startswith("---\n"):
        return "", text
    front, marker, body = text[4:].partition("\n---\n")
    return (front, body) if marker else ("", text)
