"""Settings, read once from the environment: `INTERLOCK_HOME` and what else begins with `INTERLOCK_`."""

from functools import cache
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from interlock.runtime.errors import BadInput


class Settings(BaseSettings):
    """What an operator sets for all agents of a process."""

    model_config = SettingsConfigDict(env_prefix="INTERLOCK_", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Path(".interlock")
    database: SecretStr | None = None
    """URL of the Postgres database for journal, ledger, approvals and checkpoints; None: they lie in the home."""
    chroma: str = ""
    """Address of a Chroma server that memories' vectors lie on; empty: in the home."""
    chroma_headers: dict[str, SecretStr] = {}
    """What every request to it carries: JSON, as in `{"Authorization": "Bearer ..."}`."""


@cache
def settings() -> Settings:
    """Give the settings of this process.

    Raises:
        BadInput: one of them cannot be used.
    """
    try:
        return Settings()
    except (SettingsError, ValidationError) as error:
        fix = 'give a folder, an address, and headers as JSON: {"Authorization": "Bearer ..."}'
        # The error itself would show the value, which may be a key.
        raise BadInput(what=f"a setting cannot be used: {_named(error)}", where="environment", fix=fix) from None


def _named(error: SettingsError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        return ", ".join(".".join(str(part) for part in one["loc"]) for one in error.errors())
    return str(error)
