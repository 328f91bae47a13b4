"""What the model says when no tool is called: greetings, what it is, what it can do, what it was told."""

import re
from collections.abc import Sequence
from textwrap import shorten

from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.memories import noticed
from interlock.runtime.models.embedded.questions import listed
from interlock.runtime.models.embedded.reading import Reading
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.text import tokens

MOST_ABILITIES = 8
LONGEST_ABILITY = 70
_WHO = re.compile(r"\b(?:who|what) are you\b|\bare you\b", re.IGNORECASE)
_THANKS = re.compile(r"\b(?:thanks?|thank you|cheers)\b", re.IGNORECASE)
_BYE = re.compile(r"\b(?:bye|goodbye|see you|good night)\b", re.IGNORECASE)
_ABILITIES = re.compile(r"\bwhat can you do\b|\bhow can you help\b|\bwhat do you do\b|\bhelp\b", re.IGNORECASE)
SELF = "I am Interlock's embedded model: a program with fixed rules, no language model and no person."


def say(readings: Sequence[Reading], tools: Catalogue, memory: str) -> str:
    """Answer without a tool; the empty string where nothing is left to say."""
    said = [_of(r, tools, memory) for r in readings]
    unknown = [r for r in readings if r.role == "unknown"]
    if unknown or not any(said):
        said.append(_cannot(unknown, tools))
    return " ".join(dict.fromkeys(s for s in said if s))


def remaining(readings: Sequence[Reading], tools: Catalogue, memory: str) -> str:
    """Say what else there is to say beside the results: what was remembered, what could not be done."""
    said = [_of(r, tools, memory) for r in readings if r.role in ("memory", "noted")]
    unknown = [r for r in readings if r.role == "unknown"]
    if unknown:
        said.append(f"I cannot help with {listed([f'“{_brief(r)}”' for r in unknown])}: none of my tools does that.")
    return " ".join(s for s in said if s)


def _of(reading: Reading, tools: Catalogue, memory: str) -> str:
    text = reading.clause.text
    match reading.role:
        case "chat":
            return _chat(text, tools)
        case "memory":
            return recalled(text, memory)
        case "noted":
            return " ".join(f"Understood: {_to_you(n.text)}" for n in noticed(text))
        case "refused":
            return "All right, I will not do that."
        case _:
            return ""


def _chat(text: str, tools: Catalogue) -> str:
    if _WHO.search(text):
        return f"{SELF} {abilities(tools)}".strip()
    if _ABILITIES.search(text):
        return abilities(tools) or SELF
    if _THANKS.search(text):
        return "You are welcome."
    return "Goodbye." if _BYE.search(text) else "Hello. Tell me what you need."


def abilities(tools: Catalogue) -> str:
    """List what can be asked for."""
    shown = [_ability(t) for t in tools.tools[:MOST_ABILITIES]]
    more = len(tools.tools) - len(shown)
    return f"I can do this: {'; '.join(shown)}{f'; and {more} more' if more > 0 else ''}." if shown else ""


def _ability(tool: Tool) -> str:
    text = tool.summary
    if len(text) > LONGEST_ABILITY:
        text = shorten(re.split(r"[:;(]", text)[0], LONGEST_ABILITY, placeholder="…")
    return text[:1].lower() + text[1:]


def _cannot(unknown: Sequence[Reading], tools: Catalogue) -> str:
    if not tools.tools:
        return f"I cannot answer that: I have no tools here. {SELF}"
    what = (
        f"help with {listed([f'“{_brief(r)}”' for r in unknown])}" if unknown else "tell what you would like me to do"
    )
    return f"I cannot {what}. {abilities(tools)}"


def _brief(reading: Reading) -> str:
    text = " ".join(reading.clause.text.replace("\ufffc", "").split()).rstrip(".?!")
    return text if len(text) <= 80 else text[:79] + "…"  # noqa: PLR2004


def recalled(question: str, memory: str) -> str:
    """Answer from what the user told before: the lines nearest to the question, else the first, which ranked best."""
    lines = [line.strip().removeprefix("-").strip() for line in memory.splitlines() if line.strip(" -")]
    if not lines:
        return "I remember nothing about that."
    topics = {t.stem for t in tokens(question) if t.topical}
    scores = [
        len(topics & (said := {t.stem for t in tokens(line)})) + 0.5 * sum(bool(synonyms(t) & said) for t in topics)
        for line in lines
    ]
    best = max(range(len(lines)), key=lambda i: (scores[i], -i))
    return f"You told me: {lines[best].rstrip('.')}."


def _to_you(text: str) -> str:
    swaps = {
        "i": "you",
        "i'm": "you are",
        "my": "your",
        "me": "you",
        "am": "are",
        "we": "you",
        "our": "your",
        "i'd": "you would",
        "mine": "yours",
    }
    said = re.sub(r"[A-Za-z']+", lambda m: swaps.get(m[0].lower(), m[0]), text)
    return said[:1].lower() + said[1:] if said[:2].lower() in ("yo",) else said
