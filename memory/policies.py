"""What may be written to long-term memory, and what may be read. Policies are data: frozen, loadable, versioned."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError

from interlock.runtime.errors import PolicyBroken
from interlock.runtime.memories import Kind, Speaker

Sensitivity = Literal["normal", "personal", "secret"]
SENSITIVITIES: tuple[Sensitivity, ...] = ("normal", "personal", "secret")
KINDS: frozenset[Kind] = frozenset(("fact", "preference", "episode", "procedure"))


class _Policy(BaseModel, frozen=True, extra="forbid"):
    @property
    def version(self) -> str:
        """Content hash: the same rules have the same version, wherever they were written."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a policy from a YAML file.

        Raises:
            PolicyBroken: the file cannot be read, or holds something else.
        """
        try:
            return cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise PolicyBroken(what=str(error), where=str(file), fix="correct the memory policy") from error


class WritePolicy(_Policy, frozen=True, extra="forbid"):
    """Which notes are kept. Every rule has a reason code; the first that objects decides."""

    kinds: frozenset[Kind] = KINDS
    speakers: frozenset[Speaker] = frozenset(("user", "agent", "operator"))
    """Whose words are kept. Tools speak only where this says so."""
    untrusted: bool = False
    """Whether text with an untrusted label is kept; it stays labelled."""
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    max_characters: int = Field(default=2_000, ge=1)
    max_sensitivity: Sensitivity = "personal"
    personal_data: Literal["keep", "mask", "refuse"] = "mask"
    """What happens to card numbers, IBANs, phone numbers, e-mail addresses and the like inside the text."""
    per_hour: int | None = Field(default=500, ge=1)
    """How many notes of one user are kept within an hour."""


class ReadPolicy(_Policy, frozen=True, extra="forbid"):
    """What a query may bring back."""

    limit: int = Field(default=5, ge=1, le=1_000)
    min_score: float = Field(default=0.15, ge=0, le=1)
    kinds: frozenset[Kind] = KINDS
    max_sensitivity: Sensitivity = "personal"
    tokens: int | None = Field(default=800, ge=1)
    """How much text comes back at most, in model tokens, estimated at four characters each."""
    as_of: datetime | None = None
    """Answer with what was known then, and held true; None: now."""


def within(ceiling: Sensitivity, sensitivity: Sensitivity) -> bool:
    """Tell whether something is no more sensitive than the ceiling."""
    return SENSITIVITIES.index(sensitivity) <= SENSITIVITIES.index(ceiling)
