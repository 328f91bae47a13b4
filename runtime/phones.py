"""Find phone numbers in text: by their form where it is one of its own, else by the words around them."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

_NUMBER: Final = re.compile(
    r"(?<![\w.+-])(?<!\d )(?:\+|00)?\(?\d(?:[ \u00a0().\-/]{0,3}\d){6,14}"
    r"(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?!\w|[-./:, ]\d|\.\w)",
    re.IGNORECASE,
)
_DATE: Final = re.compile(r"(?:19|20)\d\d([-./ ])\d\d?\1\d\d?\b|\d\d?([-./ ])\d\d?\2(?:19|20)\d\d\b")
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}([ .])\d{3}(?:\1\d{3})*")
_NORTH_AMERICAN: Final = re.compile(
    r"(?:1[-. ]?)?\(?[2-9]\d\d\)?[-. ]?[2-9]\d\d[-. ]\d{4}(?:\s?(?:x|ext).*)?", re.IGNORECASE
)
_LABEL: Final = r"(?:tele)?(?:phone|fax)|tel|mobile|mob|cell(?:phone)?|desk|whatsapp|sms|hotline"
_LABELLED: Final = re.compile(
    rf"\b(?:{_LABEL}|call (?:me|us|him|her|them)(?: back)?)(?: (?:no|number|is|on|at))*\W{{0,4}}$", re.IGNORECASE
)
_SIGNED: Final = re.compile(rf"\W{{0,3}}(?:{_LABEL}|office|home|work)\b", re.IGNORECASE)
_ABOUT: Final = re.compile(
    rf"\b(?:{_LABEL}|calls?|calling|ring|dial|texts?|messages?|reach|contact|answer|answering|registered)\b",
    re.IGNORECASE,
)
_OTHERWISE: Final = re.compile(
    r"\b(?:order|invoice|isbn|licen[cs]e|account|serial|part|ticket|case|ref|reference|tracking|article|customer|version)\b"
    r"[^.\n]{0,16}$",
    re.IGNORECASE,
)
"""Words before a number of another kind."""
_BEFORE: Final = 40
_AFTER: Final = 12
_GROUPS: Final = 3
"""How many groups of digits look like a phone number by themselves."""


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Say where phone numbers stand in a text."""
    for match in _NUMBER.finditer(text):
        found = match.group()
        before, after = text[max(0, match.start() - _BEFORE) : match.start()], text[match.end() :][:_AFTER]
        if not _DATE.match(found) and (_by_form(found, before) or _by_words(found, before, after)):
            yield match.span()


def _by_form(found: str, before: str) -> bool:
    digits, groups = _digits(found), len(re.findall(r"\d+", found))
    if found.startswith("+") or _NORTH_AMERICAN.fullmatch(found):
        return True
    if found.startswith(("00", "(")):
        return groups > 1
    if _OTHERWISE.search(before):
        return False
    if found.startswith("0"):
        return groups > 1 and 10 <= digits <= 12  # noqa: PLR2004  # with the 0 that stands for the country
    return groups >= _GROUPS and 8 <= digits <= 13 and _even(found) and not _THOUSANDS.fullmatch(found)  # noqa: PLR2004


def _by_words(found: str, before: str, after: str) -> bool:
    """Tell a phone number by what stands around it: next to it, or nearby where it has groups."""
    if _LABELLED.search(before) or _SIGNED.match(after):
        return True
    return len(re.findall(r"\d+", found)) > 1 and _ABOUT.search(before) is not None


def _even(found: str) -> bool:
    """Tell whether one separator is used throughout; what mixes them is more often a code of another kind."""
    return len({mark for mark, _ in groupby(re.sub(r"\d|\(|\)", "", found))}) == 1


def _digits(found: str) -> int:
    return sum(char.isdigit() for char in re.split("x|ext", found, maxsplit=1)[0])
