"""An agent: a role with its prompt, model, tools, memory, policy and budget. A value, not a process."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.runtime.contract import JsonSchema
from interlock.runtime.errors import BadInput, PolicyBroken
from interlock.runtime.folders import folder_of_caller
from interlock.runtime.outputs import shape_of
from interlock.runtime.ports import MemoryPlan, SelectionPlan, Tool
from interlock.runtime.records import Budget, ShortTerm

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from pydantic import BaseModel

    from interlock.runtime.models.chat import Price

BUILTIN = "builtin:"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What an agent is.

    Relative paths are relative to the file that makes the agent.

    Args:
        name: letters, digits, `_` and `-`.
        model: `"embedded"`, `"provider:name"`, or any langchain chat model.
        tools: what it may use; made with `@tool`.
        policy: a Cedar file, `"builtin:money"` (or `read_only`, `customer_data`, `shell`), or a list of such; without
            one, read-only tools are allowed and everything else asks a person.
        roles: the roles that people can have here; a policy that names another one is refused. None: any name is one.
        budget: what one run may use up.
        memory: its long-term memory; None: it remembers only the thread.
        short_term: how much of a long thread its model is shown, such as `ShortTerm(tokens=8_000)`; None: all of it.
        prompts: a folder of `*.md`; without one, or for names it lacks, the built-in prompts.
        prices: US dollars for a million tokens, by model name; needed where `Budget(usd=...)` meets a paid model.
        select: which of many tools a run is offered, such as `Select(most=12)`; None: all of them.
        output: a pydantic model, or the JSON schema of an object; every reply is JSON of it, or the run fails. None:
            replies are free text.
        takes_over: manifests, by hash or how it begins, whose waiting runs this agent can go on with.

    Raises:
        BadInput: a name cannot be used, or stands twice.
        PolicyBroken: there is no such policy file.
    """

    name: str
    model: "str | BaseChatModel" = "embedded"
    tools: Sequence[Tool] = ()
    policy: str | Path | Sequence[str | Path] | None = None
    roles: Sequence[str] | None = None
    budget: Budget = field(default_factory=Budget)
    memory: MemoryPlan | None = None
    short_term: ShortTerm | None = None
    prompts: str | Path | None = None
    prices: "Mapping[str, Price]" = field(default_factory=dict[str, "Price"])
    select: SelectionPlan | None = None
    output: "type[BaseModel] | JsonSchema | None" = None
    takes_over: Sequence[str] = ()
    reply_shape: "type[BaseModel] | None" = field(init=False, repr=False, compare=False, default=None)
    """The output as a model: a JSON schema, too, has become one."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInput(
                what=f"agent name {self.name!r} cannot be used", where="Agent(name=)", fix="letters, digits, _ and -"
            )
        shape = None if self.output is None else shape_of(self.output, f"agent {self.name}")
        object.__setattr__(self, "reply_shape", shape)
        here = folder_of_caller()
        if self.prompts is not None:
            object.__setattr__(self, "prompts", here / Path(self.prompts))
        if self.policy is not None:
            parts = [self.policy] if isinstance(self.policy, str | Path) else self.policy
            placed = tuple(_placed(part, here) for part in parts)
            object.__setattr__(self, "policy", placed[0] if len(placed) == 1 else placed)
        if isinstance(self.roles, str) or not all(self.roles or ("any",)):
            raise BadInput(
                what=f"roles={self.roles!r} is no list of names", where=f"agent {self.name}", fix='as in roles=["lead"]'
            )
        names = [tool.contract.name for tool in self.tools]
        for twice in {name for name in names if names.count(name) > 1}:
            raise BadInput(
                what=f"tool {twice!r} stands twice", where=f"agent {self.name}", fix="give one of them another name"
            )
        for missing in sorted(set(self.select.pinned if self.select else ()) - set(names)):
            raise BadInput(
                what=f"there is no tool {missing!r} to pin", where=f"agent {self.name}", fix="add it to tools="
            )


def _placed(policy: str | Path, here: Path) -> str | Path:
    """Find a policy file from the folder of the one who makes the agent; a built-in set keeps its name.

    Raises:
        PolicyBroken: there is no such file.
    """
    if str(policy).startswith(BUILTIN):
        return str(policy)
    file = here / Path(policy)
    if not file.is_file():
        raise PolicyBroken(what="there is no such policy file", where=str(file), fix="write it, or leave policy= out")
    return file
