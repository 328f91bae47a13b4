"""A long-term memory as an agent declares it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from interlock.memory.policies import ExtractPolicy, Policy, PrunePolicy, ReadPolicy, WritePolicy
from interlock.runtime.clock import Clock
from interlock.runtime.folders import folder_of_caller
from interlock.runtime.memories import FactRule, Note
from interlock.runtime.records import Decision
from interlock.runtime.settings import settings

if TYPE_CHECKING:
    from interlock.memory.index import Server
    from interlock.memory.store import Store
    from interlock.memory.summaries import Summarise
    from interlock.runtime.models.embeddings import Embedder

_POLICIES: dict[str, type[Policy]] = {
    "write": WritePolicy,
    "read": ReadPolicy,
    "prune": PrunePolicy,
    "extract": ExtractPolicy,
}
AnyPolicy = TypeVar("AnyPolicy", bound=Policy)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What is remembered and recalled, by which rules. A value: nothing is opened or written before it is used.

    Each policy may be a YAML file, relative to the file that makes the memory.

    Raises:
        PolicyBroken: such a file cannot be used.
    """

    write: WritePolicy | str | Path = field(default_factory=WritePolicy)
    read: ReadPolicy | str | Path = field(default_factory=ReadPolicy)
    prune: PrunePolicy | str | Path = field(default_factory=PrunePolicy)
    extract: ExtractPolicy | str | Path = field(default_factory=ExtractPolicy)
    """Which facts are read by rules, beside those that the model notices."""
    summarise: "Summarise | None" = None
    """Makes one text of old episodes; None: their telling sentences (see `interlock.memory.summaries`)."""
    embedder: "Embedder | None" = None
    """None: MiniLM."""
    url: str | None = None
    """A Chroma server that the vectors lie on. None: what INTERLOCK_CHROMA says; empty: none, they lie in the home."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What every request to that server carries, such as a key for the proxy before it."""

    def __post_init__(self) -> None:
        here = folder_of_caller()
        for name, kind in _POLICIES.items():
            object.__setattr__(self, name, _loaded(getattr(self, name), kind, here))

    @property
    def version(self) -> str:
        """Content hash of the policies."""
        return "-".join(cast(Policy, getattr(self, name)).version[:8] for name in _POLICIES)

    @property
    def fact_rules(self) -> Sequence[FactRule]:
        """The rules by which facts are read from texts."""
        return cast(ExtractPolicy, self.extract).rules

    def asks(self, note: Note, now: datetime) -> Decision | None:
        """Tell whom the write policy wants to agree before a note is kept; None: nobody."""
        from interlock.memory.judging import judge

        rule = judge(note, cast(WritePolicy, self.write), now).asks
        if rule is None:
            return None
        return Decision(
            outcome="ask",
            policies=(rule.code,),
            reason=rule.reason or "a person must agree that this is remembered",
            roles=rule.roles,
            quorum=rule.quorum,
            expires_s=rule.expires_s,
        )

    def open(self, home: Path, clock: Clock) -> "Store":
        """Open the memory in a home. Files are touched, and the model loaded, when something is asked."""
        from interlock.memory.store import Store
        from interlock.memory.summaries import extractive

        return Store(
            home,
            clock,
            write=cast(WritePolicy, self.write),
            read=cast(ReadPolicy, self.read),
            prune=cast(PrunePolicy, self.prune),
            summarise=self.summarise or extractive(self._embedder),
            embedder=self._embedder,
            server=self.server(),
        )

    def server(self) -> "Server | None":
        """Give the Chroma server that the vectors lie on; None: they lie in the home.

        Raises:
            BadInput: its address or headers cannot be used.
        """
        from interlock.memory.index import Server

        if self.url is not None:
            return Server.at(self.url, self.headers) if self.url else None
        found = settings()
        keys = {name: value.get_secret_value() for name, value in found.chroma_headers.items()}
        return Server.at(found.chroma, keys) if found.chroma else None

    def _embedder(self) -> "Embedder":
        from interlock.runtime.models.embeddings import minilm

        return self.embedder or minilm()


def _loaded(policy: AnyPolicy | str | Path, kind: type[AnyPolicy], folder: Path) -> AnyPolicy:
    return kind.load(folder / policy) if isinstance(policy, str | Path) else policy
