"""Find the memories that answer a query, by words and by meaning, and let through what the read policy allows."""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from interlock.memory.judging import RECALLED
from interlock.memory.policies import ReadPolicy, within
from interlock.memory.ranking import Hit
from interlock.memory.stopwords import STOPWORDS
from interlock.memory.truth import Truth, as_text
from interlock.runtime.memories import Owner, Recall, Recalled, Withheld
from interlock.runtime.records import Confidentiality, Label

CANDIDATES = 60
"""How many are looked at by words, and how many by meaning."""
RANKED, AROUND = 100, 2
"""For a ranker: how many instead, and how many of the turns before and after each."""
WIDER = 4
CHARACTERS_PER_TOKEN = 4
SHOWN = (
    "m.row, m.id, m.agent, m.text, m.kind, m.subject, m.sensitivity, m.purposes, m.label, m.run, m.previous,"
    " m.valid_from, m.learned_at"
)
QUERY_CHARACTERS = 2_000
QUERY_TERMS = 64


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Which rows count: SQL over `memories m`, and its values."""

    sql: str
    values: dict[str, Any]

    def also(self, sql: str, **values: Any) -> "Condition":
        return Condition(sql=f"{self.sql} AND {sql}", values=self.values | values)


def held_by(owner: Owner) -> Condition:
    """Select all that is held on the owner; without an agent: on the user, by all agents."""
    if not owner.agent:
        return Condition(sql="TRUE", values={})
    return Condition(sql="m.agent = :agent", values={"agent": owner.agent})


def seen_by(owner: Owner) -> Condition:
    """Select what the owner's agent may recall: its own memories of the user, and those that all agents share."""
    return Condition(sql="m.agent IN ('', :agent)", values={"agent": owner.agent})


def live(condition: Condition, at: datetime) -> Condition:
    """Narrow to what is known to hold at a time."""
    return condition.also(
        "m.valid_from <= :at AND (m.valid_to IS NULL OR m.valid_to > :at)"
        " AND (m.expires_at IS NULL OR m.expires_at > :at)",
        at=as_text(at),
    )


def as_known(condition: Condition, known: datetime, true: datetime) -> Condition:
    """Narrow to what was known at one time to hold at another: by the end that was known then, if any."""
    return condition.also(
        "m.learned_at <= :known AND m.valid_from <= :true AND (m.expires_at IS NULL OR m.expires_at > :known)"
        " AND coalesce((SELECT json_extract(e.value, '$[1]') FROM json_each(m.ends) e"
        " WHERE json_extract(e.value, '$[0]') <= :known ORDER BY e.key DESC LIMIT 1), '~') > :true",
        known=as_text(known),
        true=as_text(true),
    )


def readable_rows(seen: Condition, policy: ReadPolicy, now: datetime) -> Condition:
    """Narrow to the time that a policy asks about."""
    if policy.as_of is None and policy.true_at is None:
        return live(seen, now)
    known = policy.as_of or now
    return as_known(seen, known, policy.true_at or known)


def by_words(truth: Truth, query: str, condition: Condition, limit: int) -> dict[int, float]:
    """Find rows that hold words of the query: BM25 by row number, for the best ones."""
    terms = telling(truth, terms_of(query))
    if not terms:
        return {}
    match = " OR ".join(f'"{term}"' for term in terms)
    looked = WIDER * limit
    while True:
        # Scored first and joined then: joining every row that holds a word costs as much as scoring it.
        found = truth.rows(
            "SELECT f.row, f.score FROM (SELECT rowid AS row, -bm25(words) AS score FROM words WHERE words MATCH :match"  # noqa: S608
            f" ORDER BY score DESC LIMIT :looked) f CROSS JOIN memories m ON m.row = f.row WHERE {condition.sql}"
            " LIMIT :most",
            condition.values | {"match": match, "looked": looked, "most": limit},
        )
        if len(found) >= limit or looked >= count(truth):
            return {row["row"]: row["score"] for row in found}
        looked *= WIDER


def telling(truth: Truth, terms: Sequence[str]) -> list[str]:
    """Leave out words that most rows hold: BM25 gives nothing for them, but would have to score all those rows."""
    rows = count(truth)
    found = truth.rows(
        "SELECT j.value AS term, (SELECT count(*) FROM words WHERE words MATCH '\"' || j.value || '\"') AS rows"
        " FROM json_each(?) j",
        (json.dumps(terms),),
    )
    held = {row["term"]: row["rows"] for row in found}
    return [term for term in terms if 0 < 2 * held[term] <= rows] or [term for term in terms if held[term]]


def count(truth: Truth) -> int:
    return int(truth.rows("SELECT count(*) FROM memories")[0][0])


def terms_of(query: str) -> list[str]:
    """Split a query into the words worth looking for; all of them where none is."""
    words = list(dict.fromkeys(re.findall(r"\w+", query.casefold())))
    return ([word for word in words if word not in STOPWORDS] or words)[:QUERY_TERMS]


def readable(query: str) -> str:
    """Take out of a query what no index can read, and what is beyond any question's length."""
    return re.sub("[\x00\ud800-\udfff]", " ", query[:QUERY_CHARACTERS])


def permitted(hits: Iterable[Hit], policy: ReadPolicy, roles: Sequence[str] = ()) -> Recall:
    """Let through the best hits that the policy allows, and name those it holds back. Hits come best first.

    Args:
        roles: of the one for whom it is read.
    """
    items: list[Recalled] = []
    withheld: list[Withheld] = []
    room = None if policy.tokens is None else policy.tokens * CHARACTERS_PER_TOKEN
    for hit in hits:
        if hit.score < policy.min_score or len(items) == policy.limit:
            break
        if rule := _rule_against(hit.row, policy, roles, room):
            withheld.append(Withheld(id=hit.row["id"], rule=rule))
            continue
        items.append(_recalled(hit))
        room = None if room is None else room - len(hit.row["text"])
    if policy.order != "score":
        items.sort(key=lambda item: item.learned_at, reverse=policy.order == "newest")
    return Recall(items=tuple(items), withheld=tuple(withheld))


def _rule_against(row: sqlite3.Row, policy: ReadPolicy, roles: Sequence[str], room: int | None) -> str:
    if row["kind"] not in policy.kinds:
        return "kinds"
    if not within(policy.max_sensitivity, row["sensitivity"]):
        return "max_sensitivity"
    if (needed := policy.roles.get(row["sensitivity"])) is not None and not set(needed) & set(roles):
        return "roles"
    if (purposes := json.loads(row["purposes"])) and policy.purpose not in purposes:
        return "purpose"
    return "tokens" if room is not None and len(row["text"]) > room else ""


def _recalled(hit: Hit) -> Recalled:
    row = hit.row
    circle: Confidentiality = "public" if row["sensitivity"] == "normal" else "private"
    mark = Label(confidentiality=circle, sources=(RECALLED + row["id"],))
    label = _label(row["label"]).join(mark)
    return Recalled(
        id=row["id"],
        text=row["text"],
        kind=row["kind"],
        score=round(hit.score, 4),
        label=label,
        learned_at=datetime.fromisoformat(row["learned_at"]),
        why=hit.why,
    )


@lru_cache(maxsize=256)
def _label(written: str) -> Label:
    return Label.model_validate_json(written)


def fetch(truth: Truth, condition: Condition, numbers: Iterable[int]) -> list[sqlite3.Row]:
    """Fetch the rows of these numbers that meet the condition, with their token vectors."""
    return truth.rows(
        f"SELECT {SHOWN}, t.vectors FROM json_each(:numbers) j CROSS JOIN memories m ON m.row = j.value"  # noqa: S608
        f" JOIN tokens t ON t.row = m.row WHERE {condition.sql}",
        condition.values | {"numbers": json.dumps(list(numbers))},
    )


def meeting(truth: Truth, condition: Condition, numbers: Iterable[int]) -> set[int]:
    """Give those of the rows that meet the condition."""
    found = truth.rows(
        f"SELECT m.row FROM json_each(:numbers) j CROSS JOIN memories m ON m.row = j.value WHERE {condition.sql}",  # noqa: S608
        condition.values | {"numbers": json.dumps(list(numbers))},
    )
    return {row["row"] for row in found}


def beside(truth: Truth, numbers: Iterable[int], steps: int) -> set[int]:
    """List rows together with those that were written just before and after them."""
    found = truth.rows(
        "SELECT DISTINCT m.row FROM json_each(?) j JOIN memories m ON m.row BETWEEN j.value - ? AND j.value + ?",
        (json.dumps(list(numbers)), steps, steps),
    )
    return {row["row"] for row in found}


def latest(truth: Truth, condition: Condition, limit: int) -> list[int]:
    """List the newest rows that meet the condition."""
    sql = f"SELECT m.row FROM memories m WHERE {condition.sql} ORDER BY m.row DESC LIMIT :limit"  # noqa: S608
    return [row["row"] for row in truth.rows(sql, condition.values | {"limit": limit})]


def frequencies(truth: Truth, pieces: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Count all rows, and those that hold each of the pieces."""
    found = truth.rows(
        "SELECT piece, rows FROM pieces WHERE piece IN (SELECT value FROM json_each(?))",
        (json.dumps(list(pieces)),),
    )
    return count(truth), {row["piece"]: row["rows"] for row in found}
