"""Whether one user's memory can be reached through another: a million random queries, and how many leak.

Users whose names are chosen to collide (paths, SQL, half of one name in the other, case, accents) hold texts that are
alike but for a mark of their owner. Each query goes through the public interface as one of them, and asks for what is
another's: by its words, its id, its agent, its name. An answer that bears another's mark is a leak.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from _report import arguments, finish, table
from _vectors import RandomEmbedder
from interlock.memory import Memory, ReadPolicy, WritePolicy
from interlock.memory.store import Store
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import NotFound
from interlock.runtime.memories import Note, Owner

NAMES = (
    "a",
    "A",
    "a/b",
    "../a",
    "a\\b",
    "a.b",
    "",
    " ",
    "a ",
    "a\x00",
    "%",
    "*",
    "' OR 1=1 --",
    '"; DROP TABLE memories',
    "é",
    "e\u0301",
    "\u202ea",
    "🙂",
    "a" * 5_000,
    "null",
)
USERS = 48
ROWS = 24
WORDS = "order parcel garden river teacher kitchen holiday doctor window letter music winter dinner station".split()  # noqa: SIM905
HOSTILE = ("' OR '1'='1", "NEAR(a b) OR *", "../../*/truth.db", '" OR text:*', "agent:*", "\x00", "🙂", "m.agent = ''")
SHARES = {"show": 60, "list": 30, "search": 10}
"""Of a hundred queries; a search costs as much as ten of the others."""


class Attack:
    """A store full of users, and queries of one for what is another's."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        names = [(tenant, user) for tenant in NAMES for user in NAMES]
        self._owners = [Owner(tenant=t, user=u) for t, u in chance.sample(names, USERS)]
        self._ids = [self._fill(number, owner) for number, owner in enumerate(self._owners)]
        self._kinds: dict[str, Callable[[Owner, int], list[str]]] = {
            "show": self._show,
            "list": self._list,
            "search": self._search,
        }

    def query(self) -> tuple[str, int, bool]:
        """Ask as one user for what is another's; gives the kind of query, how many texts came, and if it leaked."""
        mine, other = self._chance.sample(range(USERS), 2)
        (kind,) = self._chance.choices([*SHARES], [*SHARES.values()])
        asking = self._owners[mine]
        agent = self._chance.choice(("", "", "helper", f"{self._owners[other].user}", "' OR ''='"))
        texts = self._kinds[kind](Owner(tenant=asking.tenant, user=asking.user, agent=agent), other)
        return kind, len(texts), not all(text.endswith(mark(mine)) for text in texts)

    def _fill(self, number: int, owner: Owner) -> list[str]:
        notes = [Note(text=f"{self._words()} of day {row % 7} {mark(number)}") for row in range(ROWS)]
        return [made.id for made in self._store.add_all(notes, owner)]

    def _show(self, owner: Owner, other: int) -> list[str]:
        try:
            return [self._store.show(self._chance.choice(self._ids[other]), owner).text]
        except NotFound:
            return []

    def _list(self, owner: Owner, _: int) -> list[str]:
        everything = self._chance.random() < 1 / 2
        return [record.text for record in self._store.list(owner, everything=everything, limit=3)]

    def _search(self, owner: Owner, other: int) -> list[str]:
        theirs = self._owners[other]
        lure = self._chance.choice((mark(other), self._chance.choice(self._ids[other]), theirs.user[:20], *HOSTILE))
        return [item.text for item in self._store.search(f"{self._words()} {lure}", owner).items]

    def _words(self) -> str:
        return " ".join(self._chance.sample(WORDS, 2))


def mark(number: int) -> str:
    return f"M{number}M"


def main() -> None:
    options = arguments(__doc__, queries=1_000_000)
    chance = random.Random(0)  # noqa: S311  # the same queries every time, not a secret
    memory = Memory(
        write=WritePolicy(per_hour=None, personal_data="keep"),
        read=ReadPolicy(limit=5, min_score=0, tokens=None),
        embedder=RandomEmbedder(),
    )
    asked: Counter[str] = Counter()
    answered = leaks = 0
    with tempfile.TemporaryDirectory() as home:
        store = memory.open(Path(home), SystemClock())
        attack = Attack(store, chance)
        began = time.perf_counter()
        for _ in range(options.queries):
            kind, texts, leaked = attack.query()
            asked[kind] += 1
            answered += texts
            leaks += leaked
        seconds = time.perf_counter() - began
        store.close()
    rows = [
        ("users, rows each", f"{USERS}, {ROWS}"),
        *((f"queries: {kind}", f"{count:,}") for kind, count in asked.most_common()),
        ("texts that came, all looked at", f"{answered:,}"),
        ("queries that leaked", f"{leaks}"),
        ("minutes", f"{seconds / 60:.1f}"),
    ]
    table("Cross-tenant queries", ("", ""), rows)
    finish(
        {"queries": options.queries, **asked, "texts": answered, "leaks": leaks, "seconds": round(seconds)},
        as_json=options.json,
    )
    if leaks:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
