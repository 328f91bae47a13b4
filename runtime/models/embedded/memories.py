"""Noticing what users say about themselves: preferences, facts, and what they ask to be remembered.

Grammar only: a statement in the first person whose verb tells a preference or a lasting fact. Questions, orders, and
text that is quoted or reported are never noticed.
"""

import re
from dataclasses import dataclass
from typing import Literal

from interlock.runtime.models.embedded.lexicon import word_set
from interlock.runtime.models.embedded.text import MASK, masked, tokens

Kind = Literal["fact", "preference"]


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """One thing worth remembering, in the user's own words."""

    text: str
    kind: Kind
    subject: str = "user"
    attribute: str = ""

    @property
    def many(self) -> bool:
        """Whether several such things can be true at a time."""
        return self.attribute in _MANY

    @property
    def personal(self) -> bool:
        """Whether it is about health."""
        return bool(_HEALTH.search(self.text))


_CHANNELS = (
    r"e-?mails?|mails?|text(?: message)?s?|sms|phone(?: calls?)?|calls?|telephone|letters?|post|chat|"
    r"whatsapp|push(?: notification)?s?|signal|slack"
)
_ADVERBS = (
    r"(?:(?:really|much|would|do|'d|strongly|generally|usually|always|still|now|actually|just|also|definitely) )*"
)
_PREFER = re.compile(rf"\b(?:i|we)(?:'d)? {_ADVERBS}(?:prefer|favou?r|rather (?:have|get|be))\b (?P<what>.+)", re.I)
_LIKE = re.compile(
    rf"\b(?:i|we) {_ADVERBS}(?:like|love|enjoy|hate|dislike|can't stand|cannot stand|don't like|"
    rf"do not like)\b (?!to (?:know|see|ask|have|get|return|order|cancel)\b)(?P<what>.+)",
    re.I,
)
_MY = re.compile(
    r"\bmy (?P<attribute>(?:preferred |favou?rite |new |home |work |first |last |date of |shoe |"
    r"phone )?[a-z]+(?: (?:of |in )?(?:communication|contact|birth|name|number|size|address|zone|code|language|"
    r"channel|method))?)"
    r" (?:is|are) (?:now |called )?(?P<what>.+)",
    re.I,
)
_BETTER = re.compile(
    rf"^(?:actually|no|well|hmm|instead|from now on|in future|"
    rf"on second thoughts?)?[\s,]*(?P<what>(?:{_CHANNELS}|[\w ]{{2,40}}?)) (?:is|are|works?|would be|"
    rf"suits me) (?:better|best|preferred|preferable|fine for me|easier|more convenient)\b",
    re.I,
)
_CONTACT = re.compile(
    rf"\b(?:contact|reach|write to|notify|inform|update|answer|ping) me (?:only |always |just |"
    rf"preferably )?(?:by|via|through|over|on|with|per) (?P<what>(?:{_CHANNELS})\b.*)",
    re.I,
)
_CALL_ME = re.compile(
    r"\b(?:please |just |you can |everyone |people )*call me (?P<what>(?!at\b|on\b|back\b|when\b|if\b|"
    r"tomorrow\b|today\b|later\b|in\b|before\b|after\b|about\b)[A-Z]?[\w'-]+(?: [A-Z][\w'-]+)?)",
    re.I,
)
_REMEMBER = re.compile(
    r"^(?:please |and |also )*(?:remember|note|keep in mind|don't forget|do not forget|make a note|"
    r"bear in mind)(?: for (?:next time|later|the future))?(?:,|:)? (?:that )?(?P<what>(?!to\b)(?:i\b|i'm|my\b|"
    r"we\b|our\b|the\b|me\b).+)",
    re.I,
)
_I_AM = re.compile(
    r"\b(?:i am|i'm|we are|we're) (?:a |an )?(?P<what>(?:allergic to|vegan|vegetarian|colou?r-?blind|deaf|blind|"
    r"hard of hearing|left-handed|diabetic|based in|living in|from)\b.*)",
    re.I,
)
_I_DO = re.compile(
    r"\bi (?P<what>(?:live|work|study) (?:in|at|for|as)\b.+|have (?:a|an|two|three|\d) (?:dogs?|cats?|child|"
    r"children|kids?|sons?|daughters?|allergy)\b.*|speak [A-Z]\w+.*)",
    re.I,
)
_MANY = frozenset({"allergy", "language", "work", "study"})
_HEALTH = re.compile(
    r"\b(?:allerg\w+|diabet\w+|(?:colou?r-?)?blind|deaf|hard of hearing|pregnan\w+|asthma\w*|co?eliac|epilep\w+)\b",
    re.I,
)
_NOT = re.compile(
    r"^\s*(?:do|does|did|can|could|would|will|should|is|are|what|which|how|where|when|why|who|if)\b", re.I
)


def noticed(text: str) -> list[Noticed]:
    """Extract what the user states about themselves; an empty list where there is nothing."""
    covered, _ = masked(text[:4000])
    found: list[Noticed] = []
    for sentence in re.split(
        r"(?<=[.!?])\s+|\n+|;\s+|,? (?:and|but) (?=i\b|my\b|please\b|call me\b)", covered, flags=re.I
    ):
        said = sentence.strip(" ,.!")
        if said and not sentence.rstrip().endswith("?") and not _NOT.match(said) and MASK not in said:
            found += _of(said)
    return list(dict.fromkeys(found))


def _of(said: str) -> list[Noticed]:
    asked = _REMEMBER.match(said)
    core = asked["what"].strip() if asked else said
    core = re.sub(
        r"^(?:actually|well|so|ok|okay|also|hi|hello|hey|please|fyi|by the way|btw|no)[\s,]+", "", core, flags=re.I
    )
    if (note := _preference(core)) or (note := _fact(core)):
        return [note]
    return [Noticed(text=_sentence(core), kind="fact", attribute="")] if asked else []


def _preference(said: str) -> Noticed | None:
    if m := _PREFER.search(said) or _CONTACT.search(said):
        return Noticed(text=_from(said, m), kind="preference", attribute=_attribute(m["what"], ""))
    if m := _BETTER.match(said):
        return Noticed(text=_sentence(said), kind="preference", attribute=_attribute(m["what"], ""))
    if m := _LIKE.search(said):
        return Noticed(text=_from(said, m), kind="preference", attribute=_attribute(m["what"], ""))
    return None


def _fact(said: str) -> Noticed | None:
    if m := _CALL_ME.search(said):
        return Noticed(text=_sentence(f"call me {m['what']}"), kind="preference", attribute="name")
    m = _MY.search(said)
    if (
        m
        and m["attribute"].split()[-1].lower() not in _PASSING
        and not re.match(r"(?:not )?(?:\w+ed|\w+ing|late|broken|missing|gone|wrong|here|there)\b", m["what"], re.I)
    ):
        kind: Kind = "preference" if re.match(r"(?:preferred|favou?rite)\b", m["attribute"], re.I) else "fact"
        attribute = m["attribute"].lower().removeprefix("new ").strip()
        return Noticed(
            text=_from(said, m),
            kind=kind,
            attribute=_attribute(m["what"], attribute) if kind == "preference" else attribute,
        )
    if m := _I_AM.search(said):
        return Noticed(text=_from(said, m), kind="fact", attribute=_state(m["what"]))
    if m := _I_DO.search(said):
        return Noticed(text=_from(said, m), kind="fact", attribute=_state(m["what"]))
    return None


_PASSING = word_set(
    "order orders parcel package delivery shipment question problem request payment refund issue account invoice bill "
    "card password pin point opinion boss friend fault mistake meeting event file appointment room device light "
    "heating task message mail"
)


def _attribute(what: str, otherwise: str) -> str:
    if re.search(rf"\b(?:{_CHANNELS}|contacted|reached|communication|contact)\b", what, re.I):
        return "contact channel"
    if re.search(
        r"\b(?:english|german|french|spanish|italian|dutch|polish|portuguese|chinese|japanese|language)\b", what, re.I
    ):
        return "preferred language"
    if re.search(r"\b(?:mornings?|afternoons?|evenings?|nights?|weekends?|weekdays?|\d ?[ap]m)\b", what, re.I):
        return "preferred time"
    return otherwise


def _state(what: str) -> str:
    words = [t.low for t in tokens(what)]
    return _STATES.get(words[0], "") if words else ""


_STATES = {
    "live": "home", "living": "home", "based": "home", "from": "origin", "work": "work", "study": "study",
    "speak": "language", "allergic": "allergy", "vegan": "diet", "vegetarian": "diet",
}  # fmt: skip


def _from(said: str, m: re.Match[str]) -> str:
    return _sentence(said[m.start() :])


def _sentence(text: str) -> str:
    text = text.strip(" ,.!")
    text = re.sub(r"^(?:please|just|also) ", "", text, flags=re.I)
    text = re.sub(r"^i\b", "I", text)
    return text[:1].upper() + text[1:] + "." if text else ""
