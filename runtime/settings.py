"""Settings, read once from the environment: `INTERLOCK_HOME` and what else begins with `INTERLOCK_`."""

from functools import cache
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator sets for all agents of a process."""

    model_config = SettingsConfigDict(env_prefix="INTERLOCK_", frozen=True, extra="ignore")

    home: Path = Path(".interlock")
    database: SecretStr | None = None
    """URL of the Postgres database for journal, ledger, approvals and checkpoints; None: they lie in the home."""


@cache
def settings() -> Settings:
    """Give the settings of this process."""
    return Settings()
