"""What may be written to long-term memory, and what may be read. Policies are data: frozen, loadable, versioned."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import yaml
from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator

from interlock.memory.ranker import Ranker
from interlock.runtime.errors import PolicyBroken
from interlock.runtime.memories import FactRule, Kind, Sensitivity, Speaker, compiles
from interlock.runtime.stated import Stated

SENSITIVITIES: tuple[Sensitivity, ...] = ("normal", "personal", "secret")
KINDS: frozenset[Kind] = frozenset(("fact", "preference", "episode", "procedure"))
FOLDER = "folder"
"""Where a policy's file lies, in the context of its validation."""
SPEAKERS: frozenset[Speaker] = frozenset(("user", "agent", "tool", "operator"))


class Policy(Stated):
    """Rules as data."""

    @property
    def version(self) -> str:
        """Content hash: the same rules have the same version, wherever they were written."""
        return sha256(repr(_canonical(self.model_dump())).encode()).hexdigest()[:16]

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a policy from a YAML file.

        Raises:
            PolicyBroken: the file cannot be read, or holds something else.
        """
        try:
            data: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            return cls.model_validate(data, context={FOLDER: file.parent})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise PolicyBroken(what=str(error), where=str(file), fix="correct the memory policy") from error


class WriteRule(Stated):
    """Decides on the notes that meet all it says, whoever said them: keep, refuse, or ask a person.

    Kinds, confidence and sensitivity must fit the policy all the same, and recalled text is never kept.
    """

    code: str = Field(pattern="^[a-z][a-z0-9-]*$")
    """The reason code of its refusals."""
    then: Literal["keep", "refuse", "ask"]
    reason: str = ""
    kinds: frozenset[Kind] = KINDS
    speakers: frozenset[Speaker] = SPEAKERS
    integrity: Literal["trusted", "untrusted"] | None = None
    sensitivity: Sensitivity = "normal"
    """At least so sensitive."""
    sources: tuple[str, ...] = ()
    """Patterns such as `find_order.*`, of which every source of the note's label must fit one."""
    attributes: tuple[str, ...] = ()
    """Patterns of the slot's attribute."""
    pattern: Annotated[str, AfterValidator(compiles)] = ""
    """A regular expression that is found in the text."""
    roles: tuple[str, ...] = ()
    """Who may agree, where it asks; empty: anyone."""
    quorum: int = Field(default=1, ge=1)
    expires_s: float = Field(default=86_400.0, gt=0)


class WritePolicy(Policy):
    """Which notes are kept. Every rule has a reason code; the first that objects decides."""

    kinds: frozenset[Kind] = KINDS
    speakers: frozenset[Speaker] = frozenset(("user", "agent", "operator"))
    """Whose words are kept. Tools speak only where this, or a rule, says so."""
    untrusted: bool = False
    """Whether text with an untrusted label is kept; it stays labelled."""
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    max_characters: int = Field(default=2_000, ge=1)
    max_sensitivity: Sensitivity = "personal"
    personal_data: Literal["keep", "mask", "refuse"] = "mask"
    """What happens to card numbers, IBANs, phone numbers, e-mail addresses and the like inside the text."""
    per_hour: int | None = Field(default=500, ge=1)
    """How many notes of one user are kept within an hour."""
    rules: tuple[WriteRule, ...] = ()
    """The first that applies to a note decides in place of `speakers` and `untrusted`."""


class ReadPolicy(Policy):
    """What a query may bring back."""

    limit: int = Field(default=5, ge=1, le=1_000)
    min_score: float = Field(default=0.15, ge=0, le=1)
    kinds: frozenset[Kind] = KINDS
    max_sensitivity: Sensitivity = "personal"
    roles: Mapping[Sensitivity, tuple[str, ...]] = Field(default_factory=dict[Sensitivity, tuple[str, ...]])
    """Which roles may read memories of a sensitivity; without an entry, everyone who may read at all."""
    purpose: str = ""
    """What is read for; memories that are meant for other purposes are withheld."""
    tokens: int | None = Field(default=800, ge=1)
    """How much text comes back at most, in model tokens, estimated at four characters each."""
    ranker: Ranker | None = None
    """Puts what the fixed weights found in another order; None: theirs stands. In a file: the name of a ranker's file,
    seen from the policy's folder."""
    recency: float = Field(default=0.0, ge=0, le=0.1)
    """By which share of its score at most what was learned lately is raised, and what is old is lowered. 0.03 settles
    near ties; a tenth costs more than a point of recall already (docs/decisions/0009)."""
    order: Literal["score", "newest", "oldest"] = "score"
    """How what was chosen is put; it is always chosen by score."""
    as_of: datetime | None = None
    """Answer with what was known then, and held true then; None: now."""
    true_at: datetime | None = None
    """Answer with what held true then, by what is known (at `as_of`, or now); None: the same time."""

    @field_validator("ranker", mode="before")
    @classmethod
    def _named_ranker(cls, value: Any, info: ValidationInfo) -> Any:
        return (
            Ranker.load(cast(dict[str, Path], info.context or {}).get(FOLDER, Path()) / value)
            if isinstance(value, str)
            else value
        )


class PrunePolicy(Policy):
    """What is taken out, merged or summed up. Pinned memories stay as they are, and so does what supersedes another."""

    expired: bool = True
    """Whether what has expired is erased."""
    capacity: int | None = Field(default=None, ge=1)
    """How many memories of a user hold at a time; those that would be missed least are erased beyond that."""
    decay: float = Field(default=0.5, gt=0, lt=1)
    """How fast a memory that is not used loses its activation."""
    importance: float = Field(default=2.0, ge=0)
    """How much a memory's importance counts beside its activation."""
    telling: float = Field(default=2.0, ge=0)
    """How much it counts beside its activation what a memory tells: rare words, names and numbers, not greetings."""
    alike: float | None = Field(default=None, gt=0, le=1)
    """From which cosine on facts and preferences are merged, if their numbers agree and neither denies the other."""
    summarise_after_days: float | None = Field(default=None, ge=0)
    """The age at which the episodes of a conversation are summed up into a fact."""
    at_least: int = Field(default=4, ge=2)
    """How many episodes it takes to be summed up."""
    keep_closed_days: float | None = Field(default=None, ge=0)
    """How long what was superseded, merged or summed up is kept for `as_of`; None: for ever."""
    every: int | None = Field(default=None, ge=1)
    """Prune by itself after so many new memories of a user."""


class ExtractPolicy(Policy):
    """Which facts are read by rules from what users say and tools return."""

    rules: tuple[FactRule, ...] = ()


def within(ceiling: Sensitivity, sensitivity: Sensitivity) -> bool:
    """Tell whether something is no more sensitive than the ceiling."""
    return SENSITIVITIES.index(sensitivity) <= SENSITIVITIES.index(ceiling)


def stricter(one: Sensitivity, other: Sensitivity) -> Sensitivity:
    """Give the more sensitive of two."""
    return one if within(one, other) else other


def _canonical(value: Any) -> Any:
    """Write sets and mappings in an order that does not depend on the process."""
    if isinstance(value, Mapping):
        parts = cast(Mapping[str, Any], value)
        return [[name, _canonical(parts[name])] for name in sorted(parts)]
    if isinstance(value, frozenset):
        return sorted(cast(frozenset[str], value))
    if isinstance(value, tuple):
        return [_canonical(part) for part in cast(tuple[Any, ...], value)]
    return value
