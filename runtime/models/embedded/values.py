"""Finding typed values in what a user wrote: numbers, money, dates, addresses, quoted text.

One scan from left to right; a value carries the noun that stands before it ("order 1042") and the word after it
("21 degrees"), because these decide which parameter it may fill.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from interlock.runtime.models.embedded import grammar
from interlock.runtime.models.embedded.lexicon import MONTHS, NUMBER_WORDS, STOP, WEEKDAYS, word_set
from interlock.runtime.models.embedded.text import MASK, WORD, Quote, stem

Kind = Literal[
    "address",
    "integer",
    "number",
    "money",
    "percent",
    "date",
    "time",
    "datetime",
    "email",
    "url",
    "path",
    "code",
    "phone",
    "quoted",
]
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_CURRENCY = {
    "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "usd": "USD", "eur": "EUR", "gbp": "GBP", "chf": "CHF",
    "jpy": "JPY", "dollars": "USD", "dollar": "USD", "bucks": "USD", "euros": "EUR", "euro": "EUR", "pounds": "GBP",
    "pound": "GBP", "quid": "GBP", "francs": "CHF", "franc": "CHF", "yen": "JPY",
}  # fmt: skip
_NUMBER = r"\d{1,3}(?:[,.]\d{3}){1,4}(?:[.,]\d{1,2})?(?!\d)|\d{1,18}(?:[.,]\d{1,9})?(?!\d)"
_NAMES = "|".join(name for name in _CURRENCY if name.isalpha())
_TIME = r"\d{1,2}(?::\d{2}){1,2}(?: ?[ap]\.?m\b\.?)?|\d{1,2} ?[ap]\.?m\b\.?"
_DAYS = "|".join(WEEKDAYS)
_COUNTS = "|".join(word for word in NUMBER_WORDS if word not in ("one", "zero"))
_TOWN = r"(?:St\. )?[A-Z][\w'-]+(?: [A-Z][\w'-]+){0,2}"
_FORMS = {
    "address": rf"(?-i:\b{_TOWN} \d{{1,4}}[a-z]?,? (?:[A-Z]{{1,2}}-)?\d{{4,5}} {_TOWN})"
    rf"|(?-i:\b\d{{1,5}}[a-z]? {_TOWN}"
    rf"(?:, (?:[A-Z]{{1,2}}-)?(?:\d{{4,5}} )?{_TOWN}(?:,? [A-Z]{{2}})?(?: \d{{4,5}})?)+)",
    "email": r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+",
    "url": rf"(?:https?://|www\.)[^\s<>{MASK}]*[^\s<>.,;:!?)\]{MASK}]",
    "datetime": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
    "date": rf"\d{{4}}-\d\d-\d\d(?!\d)|\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTH})\b\.?(?:,? \d{{4}})?"
    rf"|\b(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?!:)(?:,? \d{{4}})?"
    rf"|\b(?:today|tomorrow|yesterday|(?:(?:next|this|coming) )?(?:{_DAYS})|in \d{{1,5}} (?:day|week)s?)\b",
    "money": rf"[$€£¥] ?(?:{_NUMBER})|(?<![\w.])(?:{_NUMBER}) ?(?:[$€£¥]|(?:{_NAMES})\b)"
    rf"|\b(?:usd|eur|gbp|chf) (?:{_NUMBER})",
    "time": rf"\b(?:{_TIME})|\b(?:noon|midnight)\b",
    "percent": rf"(?<![\w.])(?:{_NUMBER}) ?(?:%|percent\b|per cent\b)",
    "path": r"(?=[\d/]{0,20}[A-Za-z.~])(?<![\w@~/.-])(?:~|\.{1,2})?/?(?:[\w.-]{1,80}/)+[\w.-]{0,80}\w"
    r"|(?<![\w@~/.-])(?:~|\.{1,2})?(?:/[\w.-]{0,80}\w)+/?"
    r"|(?<![\w@.-])[\w-]{1,80}(?:\.[\w-]{1,40}){0,4}\.[A-Za-z]\w{1,4}\b|(?<![\w@~/.-])[\w-]{1,80}/(?=\s|$)",
    "phone": r"\+\d[\d ()-]{6,16}\d",
    "code": r"\b(?=[A-Za-z-]{1,20}\d|[\d-]{1,20}[A-Za-z])[A-Za-z\d]{1,40}(?:-[A-Za-z\d]{1,40}){0,6}\b|\b\d+(?:-\d+)+\b",
    "number": rf"(?<![\w.])-?(?:{_NUMBER})(?!\w)",
    "word": rf"\b(?:{_COUNTS})\b",
}
_SCAN = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()), re.IGNORECASE)
_JOINER = re.compile(
    r"\s*(?:,|;|&|/|,?\s*\b(?:and|or|as well as|plus|nor)\b)\s*(?:also |then |for |of |on |the |number |no\.? |"
    r"#)*#?\s*",
    re.I,
)
_SKIPPED = word_set("number no nr id num is of the code ref reference called named my our your this that equals")


MOST_VALUES = 120
EACH = "each"
"""The unit of a quantity that goes with every one of several things."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """Something that can fill a parameter, and where it stands in the request."""

    kind: Kind
    value: Any
    text: str
    start: int
    end: int
    label: str = ""
    """Stem of the noun before it, such as `order` in "order number 1042"."""
    unit: str = ""
    """Stem of the word after it, or the currency of money."""
    lead: str = ""
    """The preposition before it, such as `from`."""
    joined: Literal["", "and", "or"] = ""
    """How it hangs together with the value before it, as in "1042 and 1033"."""


def values(masked: str, quotes: tuple[Quote, ...] = (), *, today: date | None = None) -> tuple[Value, ...]:
    """Find all values in a request, in order; numbers inside quotes are not looked at.

    Args:
        masked: the request with quotes covered.
        quotes: what was covered.
        today: the day that words such as "tomorrow" count from; None leaves them as they are written.
    """
    found = [_read(m, today) for m in _SCAN.finditer(masked)]
    found += [Value(kind="quoted", value=q.text, text=q.text, start=q.start, end=q.end) for q in quotes if q.text]
    found = sorted(found, key=lambda v: v.start)[:MOST_VALUES]
    return tuple(_corrected(masked, list(_in_context(masked, found))))


def _corrected(masked: str, found: list[Value]) -> list[Value]:
    """Drop a value that the user took back: "event 7, no wait, event 8"."""
    for m in grammar.CORRECTION.finditer(masked):
        after = next((v for v in found if v.start >= m.end()), None)
        before = [v for v in found if v.end <= m.start() and after is not None and v.kind == after.kind]
        if before:
            found.remove(before[-1])
    return found


def _read(m: re.Match[str], today: date | None) -> Value:
    kind, text = str(m.lastgroup), m[0]
    if kind == "word":
        return Value(kind="integer", value=NUMBER_WORDS[text.lower()], text=text, start=m.start(), end=m.end())
    if kind == "money":
        return Value(kind="money", value=_number(text), text=text, start=m.start(), end=m.end(), unit=_currency(text))
    if kind in ("number", "percent"):
        number = _number(text)
        kind = "percent" if kind == "percent" else "integer" if isinstance(number, int) else "number"
        return Value(kind=kind, value=number, text=text, start=m.start(), end=m.end())  # type: ignore[arg-type]
    value = _date(text, today) if kind == "date" else _time(text) if kind == "time" else text
    return Value(kind=kind, value=value, text=text, start=m.start(), end=m.end())  # type: ignore[arg-type]


def _number(text: str) -> int | float:
    digits = re.sub(r"[^\d.,-]", "", text).strip(".,")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(r"-?\d{1,3}(?:\.\d{3})+,\d{1,2}", digits):
        digits = digits.replace(".", "").replace(",", ".")
    return float(digits.replace(",", ".", 1)) if re.search(r"[.,]", digits) else int(digits)


def _currency(text: str) -> str:
    return next((code for name, code in _CURRENCY.items() if name in text.lower()), "")


def _date(text: str, today: date | None) -> str:
    low = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|\bof\b|[.,]", " ", text.lower()).split()
    if month := next((MONTHS[w] for w in low if w in MONTHS), 0):
        numbers = [int(w) for w in low if w.isdigit()]
        year = numbers[1] if len(numbers) > 1 else (today.year if today else None)
        return _written(year, month, numbers[0], text)
    return text if today is None or low[0][:1].isdigit() else _relative(low, today).isoformat()


def _written(year: int | None, month: int, day: int, text: str) -> str:
    try:
        return date(year, month, day).isoformat() if year else text
    except ValueError:
        return text


def _relative(low: list[str], today: date) -> date:
    if low[-1] in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS[low[-1]] - today.weekday() - 1) % 7 + 1)
    if low[0] == "in":
        return today + timedelta(days=min(int(low[1]), 36_500) * (7 if low[2].startswith("week") else 1))
    return today + timedelta(days={"today": 0, "tomorrow": 1, "yesterday": -1}[low[0]])


def _time(text: str) -> str:
    low = text.lower().replace(".", "")
    if low in ("noon", "midnight"):
        return "12:00" if low == "noon" else "00:00"
    parts = [int(p) for p in re.findall(r"\d+", low)]
    hour, minute = parts[0], parts[1] if len(parts) > 1 else 0
    if "m" in low and hour <= 12:  # noqa: PLR2004
        hour = hour % 12 + (12 if "p" in low else 0)
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else text  # noqa: PLR2004


def moment(day: str, time: str) -> str:
    """Join a date and a time, if both are written in ISO form."""
    try:
        return datetime.fromisoformat(f"{day}T{time}").isoformat()
    except ValueError:
        return f"{day} {time}"


def _in_context(masked: str, found: list[Value]) -> Iterator[Value]:
    last: Value | None = None
    for value in found:
        if last is not None and value.start < last.end:
            continue
        unit = value.unit or _unit(masked, value.end)
        label, joined = _label(masked, value.start), _joined(masked, last, value) if unit != EACH else ""
        if joined and last is not None and not label:
            label = last.label
        lead = lead_of(masked, value.start) or (last.lead if joined and last else "")
        last = replace(value, label=label, joined=joined, lead=lead, unit=unit)
        yield last


_PREPOSITIONS = word_set("from to into onto at on in by for with until till since between of as before after")


def lead_of(masked: str, start: int) -> str:
    """Find the preposition that a value hangs on, at most three words before it."""
    for word in reversed(WORD.findall(masked[max(0, start - 40) : start])[-3:]):
        if word.lower() in _PREPOSITIONS:
            return str(word.lower())
        if word.lower() in ("and", "or"):
            return ""
    return ""


def _joined(masked: str, last: Value | None, value: Value) -> Literal["", "and", "or"]:
    if last is None or not _same_sort(last, value):
        return ""
    between = masked[last.end : value.start]
    noun = last.label
    if noun and (words := WORD.findall(between)) and stem(words[-1].lower()) == noun:
        between = between[: between.rindex(words[-1])]
    if not _JOINER.fullmatch(between):
        return ""
    return "or" if re.search(r"\bor\b", between, re.I) else "and"


def _same_sort(one: Value, other: Value) -> bool:
    return one.kind == other.kind or {one.kind, other.kind} == {"integer", "code"}


def _label(masked: str, start: int) -> str:
    before = masked[max(0, start - 48) : start]
    for m in reversed(list(WORD.finditer(before))):
        between = before[m.end() :]
        if between.strip(" #:=.(\"'"):
            return ""
        low = m[0].lower()
        if low not in _SKIPPED:
            return "" if low in STOP or low.isdigit() or m.start() == 0 < start - 48 else stem(low.replace("-", ""))
        before = before[: m.start()]
    return ""


def _unit(masked: str, end: int) -> str:
    if re.match(r"\s+(?:each|apiece)\b", masked[end : end + 12], re.IGNORECASE):
        return EACH
    m = re.match(r"\s?°?\s?([A-Za-z]+)", masked[end : end + 24])
    return stem(m[1].lower()) if m and m[1].lower() not in STOP else "degre" if masked[end : end + 1] == "°" else ""
