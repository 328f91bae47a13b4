"""Where things stand in a policy text. Cedar's parser says what is wrong, but not where."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cedarpy import PolicySet

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)|"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d+|::|[=!<>]=|&&|\|\||.""",
    re.DOTALL,
)
UNFINISHED = "unexpected end of input"
UNREADABLE = "invalid token"
_NAMED = re.compile(r"`([^`]+)`|: (\S+)$")


@dataclass(frozen=True, kw_only=True)
class Token:
    text: str
    start: int


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One policy, from its first annotation to its semicolon."""

    tokens: tuple[Token, ...]
    text: str

    @property
    def start(self) -> int:
        return self.tokens[0].start

    def find(self, *words: str) -> int:
        """Find where one of the words stands, in the conditions or else anywhere; the policy's start if nowhere."""
        found = [token.start for word in words for token in self.tokens if token.text == word]
        within = [start for start in found if start >= self._conditions]
        return (within or found or [self.start])[0]

    @property
    def _conditions(self) -> int:
        words = (token.start for token in self.tokens if token.text in ("when", "unless"))
        return next(words, self.tokens[-1].start)


def statements(text: str) -> list[Statement]:
    """Split a text into its policies, in order: the n-th is the one that Cedar calls `policy<n>`."""
    found: list[Statement] = []
    pending: list[Token] = []
    for token in _tokens(text):
        pending.append(token)
        if token.text == ";":
            found.append(_statement(text, pending))
            pending = []
    return [*found, _statement(text, pending)] if pending else found


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Give the place as people count it, from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def parse_error(text: str) -> str | None:
    """Say what keeps the text from being parsed; None where nothing does."""
    try:
        PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return None


def broken_in(text: str) -> list[tuple[Statement, int, str]]:
    """Find each policy that does not parse, the place where it goes wrong, and what is wrong there."""
    found: list[tuple[Statement, int, str]] = []
    for statement in statements(text):
        if message := parse_error(statement.text):
            found.append((statement, _broken_at(statement, message), message))
            if message == UNREADABLE:
                break  # a quotation mark that is missing pairs all later ones wrongly
    return found


def without(text: str, dropped: Sequence[Statement]) -> str:
    """Blank policies out, so that the others stay where they are."""
    for each in dropped:
        blank = "".join("\n" if character == "\n" else " " for character in each.text)
        text = text[: each.start] + blank + text[each.start + len(each.text) :]
    return text


def _broken_at(statement: Statement, message: str) -> int:
    # A text that is cut off before its first wrong token is merely unfinished to the parser.
    for token in statement.tokens:
        cut = parse_error(statement.text[: token.start + len(token.text) - statement.start])
        if cut and cut != UNFINISHED and not _complete(statement, token):
            return token.start
    if message == UNFINISHED:
        return statement.tokens[-1].start
    named = [quoted or last for quoted, last in _NAMED.findall(message)]
    return statement.find(*(part for name in reversed(named) for part in (name, name.partition("::")[0])))


def _complete(statement: Statement, token: Token) -> bool:
    """Whether the cut is the whole policy: its grammar is right then, and the message names what is wrong."""
    return token is statement.tokens[-1] and token.text == ";"


def _statement(text: str, tokens: list[Token]) -> Statement:
    end = tokens[-1].start + len(tokens[-1].text)
    return Statement(tokens=tuple(tokens), text=text[tokens[0].start : end])


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        if match["skip"] is None:
            yield Token(text=match[0], start=match.start())
