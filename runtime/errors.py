"""The one hierarchy of errors: each has a stable code, and says what happened, where, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

Who = Literal["model", "caller", "operator"]
"""Who must act: the model (it goes back as a tool result), the caller, or the operator."""


@dataclass(eq=False, kw_only=True)
class InterlockError(Exception):
    """Root of all errors that Interlock raises. The fields are the truth; the message is made from them."""

    code: ClassVar[str] = "interlock"
    acts: ClassVar[Who] = "operator"
    exit_status: ClassVar[int] = 1

    def __reduce__(self) -> tuple[Callable[..., "InterlockError"], tuple[Any, ...]]:
        # Errors cross checkpoints and worker processes; the default would call __init__ with the message.
        return _rebuilt, (type(self), {f.name: getattr(self, f.name) for f in fields(self)})


def _rebuilt(kind: type[InterlockError], values: dict[str, Any]) -> InterlockError:
    return kind(**values)


@dataclass(eq=False, kw_only=True)
class BadInput(InterlockError):
    """Something a user wrote or passed cannot be used."""

    code = "bad-input"
    acts = "caller"
    exit_status = 2

    what: str
    where: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what} ({self.where}); {self.fix}"


class AgentNotFound(BadInput):
    """AGENT names no folder with an agent.py and no importable `module:attr`."""

    code = "agent-not-found"


class ContractBroken(BadInput):
    """A tool's signature or promise cannot be kept, found when the tool is declared."""

    code = "tool-contract"


@dataclass(eq=False, kw_only=True)
class PolicyBroken(BadInput):
    """A policy file does not parse, or names a tool, an argument or a type that does not exist."""

    code = "policy"

    more: tuple["PolicyBroken", ...] = ()
    """What else is wrong with the policy, in the order of its text; `interlock policy check` names each."""

    def __str__(self) -> str:
        others = f" (and {len(self.more)} more)" if self.more else ""
        return f"{self.what}{others} ({self.where}); {self.fix}"


class PromptBroken(BadInput):
    """A prompt file is missing or its front matter cannot be read."""

    code = "prompt"


class SuiteBroken(BadInput):
    """An evaluation suite cannot be read or has a wrong shape."""

    code = "suite"


class StateBroken(BadInput):
    """A state schema or a message holds what a checkpoint cannot keep."""

    code = "state"


class MessageRefused(BadInput):
    """The text of a request is empty or too long."""

    code = "message"


class NotFound(BadInput):
    """A thread, run, approval or memory of that name does not exist."""

    code = "not-found"


class ApprovalRefused(BadInput):
    """An answer to an approval cannot count: wrong role, own request, already answered, or too late."""

    code = "approval"


class HomeUnusable(BadInput):
    """The home folder cannot be written, or another version wrote it."""

    code = "home"


class MemoryBusy(HomeUnusable):
    """Another process is writing to this memory; one at a time may."""

    code = "memory-busy"


class ServerUnreachable(HomeUnusable):
    """A Chroma server does not answer, or refuses what it is asked."""

    code = "chroma-server"


class DatabaseUnreachable(HomeUnusable):
    """A Postgres server does not answer, or refuses what it is asked."""

    code = "database-server"


class FilterRefused(BadInput, ValueError):
    """A filter names an operator that there is not."""

    code = "filter"


class ItemRefused(BadInput, ValueError):
    """An item of a store has a value that JSON cannot keep, or an impossible time to live."""

    code = "item"


class VectorsRefused(BadInput, ValueError):
    """An embedder gave vectors that nothing could be found by: too few, of another size, or not of numbers."""

    code = "vectors"


class StillRead(HomeUnusable):
    """What was erased is still being read by another process, so that it cannot be overwritten."""

    code = "still-read"


class ErasurePending(BadInput):
    """A person is being forgotten; nothing new is begun for them until that is done."""

    code = "erasure-pending"


class OnHold(BadInput):
    """A legal hold keeps what was to be erased."""

    code = "legal-hold"


class ModelMissing(BadInput):
    """A model, an embedder or the package that carries it is not installed or not known."""

    code = "model-missing"


class ManifestChanged(BadInput):
    """A run that waits was begun with another graph, other prompts or other tools."""

    code = "manifest"


class RecordingBroken(BadInput):
    """A recording cannot be played: truncated, changed, of a newer version, or erased in part."""

    code = "recording"


@dataclass(eq=False, kw_only=True)
class JournalBroken(InterlockError):
    """The journal cannot be written or does not verify. No effect happens without a journal."""

    code = "journal"

    what: str
    row: int | None = None
    fix: str = ""

    def __str__(self) -> str:
        where = "" if self.row is None else f" (row {self.row})"
        return f"no effect without a journal: {self.what}{where}" + (f"; {self.fix}" if self.fix else "")


@dataclass(eq=False, kw_only=True)
class ErasureIncomplete(InterlockError):
    """Something that was to be erased is still in the files. No receipt is given for it."""

    code = "erasure"

    files: tuple[str, ...]
    left: int

    def __str__(self) -> str:
        return f"{self.left} pieces of what was to be erased are left in {', '.join(self.files)}; run it again"


@dataclass(eq=False, kw_only=True)
class Ungoverned(InterlockError):
    """A model or tool was called inside a run without passing the gate."""

    code = "ungoverned"

    what: str

    def __str__(self) -> str:
        return f"{self.what} was called around the gate; call it through the run's ports (runtime.context)"


class ModelAtFault(InterlockError):
    """A model does not do what it must, also when told so. Its run fails; house and caller are as they should be."""

    code = "model"


@dataclass(eq=False, kw_only=True)
class ModelUnclear(ModelAtFault):
    """A model gave neither an answer nor a call that could be read, also when asked once more."""

    code = "model-unclear"

    model: str
    problem: str

    def __str__(self) -> str:
        return f"{self.model} gave no usable answer: {self.problem}; ask again, or use another model"


@dataclass(eq=False, kw_only=True)
class GoingInCircles(ModelAtFault):
    """A model asks for the same call again and again, which brings the same result, and does not take no for it."""

    code = "loop"

    tool: str
    repeats: int
    """How often the call brought the same result."""
    told: int
    """How often the model was told so."""

    def __str__(self) -> str:
        return (
            f"{self.tool} brought the same result {self.repeats} times, and was asked for again {self.told + 1} times; "
            "if its result is waited for, declare it with @tool(polling=True)"
        )


@dataclass(eq=False, kw_only=True)
class OutputBroken(ModelAtFault):
    """What a model gave breaks the schema that it must have, also when asked once more. It is not passed on."""

    code = "output"

    schema: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        wrong = "; ".join(self.problems)
        return f"no valid {self.schema} came of it: {wrong}; ask again, use another model, or loosen the schema"


@dataclass(eq=False, kw_only=True)
class ThreadBusy(InterlockError):
    """Another run holds the thread."""

    code = "thread-busy"
    acts = "caller"

    thread: str
    holder: str

    def __str__(self) -> str:
        return f"thread {self.thread!r} is in use by run {self.holder!r}; wait for it, or use another thread"


@dataclass(eq=False, kw_only=True)
class ToolFailed(InterlockError):
    """A tool did not deliver a valid result. The model sees it as a tool result with status error."""

    code = "tool-failed"
    acts = "model"

    tool: str
    reason: str
    happened: Literal["no", "maybe"] = "no"
    """Whether the tool's effect may have taken place."""

    def __str__(self) -> str:
        return f"{self.tool}: {self.reason}"


@dataclass(eq=False, kw_only=True)
class ArgumentsRefused(InterlockError):
    """A call's arguments do not fit the tool's schema. Goes back to the model, which can mend them."""

    code = "arguments"
    acts = "model"
    exit_status = 2

    tool: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.tool} was not called: " + "; ".join(self.problems) + ". Correct the arguments and call it again."
