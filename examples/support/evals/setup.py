"""Give each case a shop of its own."""

import runpy
import sqlite3
from contextlib import closing
from pathlib import Path

SEED = Path(__file__).resolve().parents[1] / "seed.py"


def setup(folder: Path) -> dict[str, str]:
    """Seed a database in the case's folder, and point the tools at it."""
    database = folder / "support.db"
    with closing(sqlite3.connect(database)) as shop, shop:
        runpy.run_path(str(SEED))["seed"](shop)
    return {"SUPPORT_DB": str(database)}
