"""Everything that reading a clause may need: the request taken apart, its values, and what was said before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from interlock.runtime.models.embedded import forms, questions
from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause, Request, take_apart
from interlock.runtime.models.embedded.conversation import Talk
from interlock.runtime.models.embedded.ranking import KNOWN, Meaning, rank
from interlock.runtime.models.embedded.values import Value, values

Group = tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A request with all that surrounds it."""

    talk: Talk
    tools: Catalogue
    request: Request
    values: Group
    own_clauses: tuple[Clause, ...]
    """Clauses of the request proper; the others answer a question of ours."""
    border: int
    """Where in the request the answer to a question of ours begins; its end if there is none."""
    meaning: Meaning | None
    earlier: tuple[Group, ...]
    """Values of earlier messages, the latest first."""

    @property
    def reply(self) -> tuple[Clause, ...]:
        """Clauses by which the user answers a question of ours."""
        return tuple(c for c in self.request.clauses if c not in self.own_clauses)

    @property
    def reply_text(self) -> str:
        """The answer to a question of ours, as written."""
        return self.request.text[self.border :].strip(" \n\"'“”")

    @property
    def confirmed(self) -> bool:
        """Whether the user said yes to acting although a condition could not be told."""
        return self._said_yes and self.talk.question.startswith(questions.CANNOT_TELL)

    @property
    def given_up(self) -> bool:
        """Whether the user waved the question away."""
        return bool(self.talk.previous) and bool(forms.NEVER_MIND.match(self.talk.request.strip()))

    @property
    def _said_yes(self) -> bool:
        return bool(self.talk.previous) and bool(forms.YES.match(self.talk.request.strip()))

    def agreed(self, tool: Tool) -> bool:
        """Whether the user said yes when asked whether this tool was meant."""
        return self._said_yes and questions.which_tool((tool,)) in self.talk.question

    def within(self, clause: Clause) -> Group:
        """Values that stand in a clause, its conditions left out."""
        return tuple(v for v in self.values if clause.start <= v.start < clause.end)

    def around(self, clauses: Sequence[Clause]) -> list[Group]:
        """Values of clauses and of their conditions, one group each."""
        return [group for c in clauses for group in (self.within(c), self.guarding(c))]

    def guarding(self, clause: Clause) -> Group:
        """Values that stand in a clause's conditions."""
        return tuple(v for v in self.values if any(g.start <= v.start < g.end for g in clause.guards))


def set_scene(talk: Talk, tools: Catalogue, meaning: Meaning | None, today: date | None) -> Scene:
    """Take the request apart; a reply to our question is read together with the request it belongs to."""
    text, border = talk.request, 0
    if talk.previous and not _starts_anew(talk, tools):
        text, border = f"{talk.previous}\n{talk.request}", len(talk.previous)
    request = take_apart(text, verbs=tools.verbs)
    return Scene(
        talk=talk,
        tools=tools,
        request=request,
        values=values(request.masked, request.quotes, today=today),
        own_clauses=tuple(c for c in request.clauses if not border or c.start < border),
        border=border or len(text),
        meaning=meaning,
        earlier=tuple(values(take_apart(said).masked, today=today) for said in talk.earlier),
    )


def _starts_anew(talk: Talk, tools: Catalogue) -> bool:
    """Tell whether the user went on to something else instead of answering the question."""
    if forms.NEVER_MIND.match(talk.request.strip()):
        return True
    for clause in take_apart(talk.request, verbs=tools.verbs).clauses:
        if len(clause.topics) > 1 and clause.force != "statement" and not clause.refused:
            ranked = rank(clause, tools, (), None)
            if ranked and ranked[0].score >= KNOWN + 0.1:
                return True
    return False
