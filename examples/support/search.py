"""Find help articles by the words of a question."""

import re
import sqlite3
from collections import Counter

EMPTY = """
a about after again all also am an and another any are as at be because been before between both but by can could did
do does down each else few for from get give had has have he hello her hi him his how i if in into is it its just know
let like long look many me more most much my need no not of off on one only or other our out over own please possible
same she should so some something take tell than thank thanks that the their them then there they this to too under
until up us use very want was we were what when where which while who why will with within without would yes yet you
your
"""
"""Words that say nothing about the matter of a question."""


def matching(shop: sqlite3.Connection, question: str, *, at_most: int = 3) -> list[tuple[str, str]]:
    """Find the articles that share half of the question's words, best first; a word of the title counts twice.

    Returns:
        titles and bodies; empty where no article is about the question.
    """
    empty = EMPTY.split()
    words = [word for word in dict.fromkeys(re.findall(r"\w+", question.casefold())) if word not in empty]
    if not words:
        return []
    hits = Counter(row for word in words for row in (*having(shop, f'"{word}"'), *having(shop, f'title : "{word}"')))
    ranked = shop.execute(
        "SELECT rowid, title, body FROM help WHERE help MATCH ? ORDER BY bm25(help, 2.0, 1.0)",
        (" OR ".join(f'"{word}"' for word in words),),
    )
    return [(title, body) for row, title, body in ranked if hits[row] >= len(words)][:at_most]


def having(shop: sqlite3.Connection, query: str) -> list[int]:
    """List the articles that match an FTS5 query."""
    return [row for (row,) in shop.execute("SELECT rowid FROM help WHERE help MATCH ?", (query,))]
