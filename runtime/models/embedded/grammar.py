"""Patterns of English sentences: conditions, politeness, wishes, refusals, reported speech. No topic, only form."""

import re

from interlock.runtime.models.embedded.lexicon import word_set

PAYLOAD = re.compile(
    r"\b(?:tell|inform|notify|let|e?-?mail|message|text|write to)\s+\S+@\S+\s+(?:know\s+)?(?:that\s+|about\s+)(?=\S)|"
    r"\bwith(?: the| a)? subject\b[^.!?\n]{1,120}? and(?: the)? (?:text|body|message)\s*[:,]?\s+(?=\S)|"
    r"\b(?:saying|that says?|which says?|that reads?|to say|"
    r"(?:with|and use|using)(?: the| a)? (?:text|message|body|words|content)|(?:text|message|body|content)(?= ?[:=])|"
    r"telling (?:him|her|them|us|me|\w+)|(?:tell|inform|let) (?:him|her|them)(?: know)?)"
    r"(?: that| is| as follows| how)?\s*[:,]?\s+(?=\S)",
    re.IGNORECASE,
)
"""What comes before somebody's words that are to be passed on as they are."""

AFTERWARDS = re.compile(
    r"(?:(?<=[.!?])\s+|\n+|,\s+|\s+)(?:and\s+)?(?:then|also|after that|afterwards|next|finally|"
    r"please)\b",
    re.IGNORECASE,
)
"""Where such words end and a further wish begins."""

QUESTION_AFTER = re.compile(
    r"(?<=[.!?])\s+(?=(?:who|what|where|when|why|how|which|can|could|is|are|does|do|did|should|will|has|"
    r"have)\b[^.!?]*\?)",
    re.IGNORECASE,
)
REPORTED_BEFORE = re.compile(
    r"\b(?:says?|said|wrote|writes|states?|stated|reads?|claims?|"
    r"claimed)\W*$",
    re.IGNORECASE,
)

ABBREVIATION = re.compile(
    r"(?:\b(?:no|nr|mr|mrs|ms|dr|st|vs|approx|etc|e\.g|i\.e|a\.m|p\.m|"
    r"[a-z]))\.$",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s*\n+\s*|\s+[-–—]+\s+|(?<!\bis)(?<!\bare)(?<!\bto):\s+")
JOINT = re.compile(r"\s*[,;]?\s*(?:\b(?:and|but|or|then|also|plus|as well as)\b[\s,]*)+|\s*,\s*", re.IGNORECASE)

_THING = r"(?= (?:it|the|my|they|this|that|he|she|we|i|you|all|order)\b)"
IF = re.compile(
    r"\b(?:(?:but |and )?only (?:if|when|in case)|(?P<but>(?:but )?(?:not|except) (?:if|when|in case)|unless)|"
    r"(?P<even>even (?:if|when|though))|if (?P<not>not\b)|if (?P<so>so|yes)\b|if|as soon as|"
    rf"once{_THING}|when(?! (?:is|are|was|were|will|do|does|did|has|have|can|could|should|would|am|shall|may)\b)|"
    rf"in case|in the event|otherwise|or else|else|provided that|provided{_THING}|providing|as long as|assuming|"
    r"given that|whenever)(?: that)?\b",
    re.IGNORECASE,
)
"""What begins a condition; `not` and `so` take up the last one."""

WHETHER = re.compile(
    r"\b(?:know|since|and|or|exactly|ask|check|see|tell me|tell|wonder|wondering|find out|sure|say|verify|"
    r"confirm|me)\s+$",
    re.IGNORECASE,
)
"""After these, "if" and "when" begin a question rather than a condition."""

POLITE = re.compile(
    r"^(?:(?:i|we)(?:'d| would)? (?:appreciate it if you (?:could|would)|be grateful if you (?:could|would)|"
    r"hope you can)|"
    r"(?:can|could|will|would) you(?: please| kindly| maybe| possibly)?(?= )(?! be\b)|would you mind|do you mind|"
    r"(?:i|we)(?:'d| would| do)?(?: really| just| also)? (?:like|love|want|need|wish)(?: for)?(?: you)? to|"
    r"you (?:should|must|have to|need to|can|may|could)(?! have\b)|go ahead and|feel free to|make sure (?:to|"
    r"that you|you)|"
    r"be sure to|don't forget to|do not forget to|remember to|let's|let us|try to|help me(?: to)?|"
    r"i(?:'d| would) ask you to|i(?: am|'m) asking you to|your (?:task|job) is to|it is time to|time to|"
    r"do me a favou?r and|i think you should)\s+",
    re.IGNORECASE,
)
DESIRE = re.compile(
    r"^(?:i|we)(?:'d| would| do)?(?: really| just| also| still)? "
    r"(?:like|want|need|demand|request|wish for|expect|am asking for|ask for)\b|"
    r"^(?:can|could|may|might) (?:i|we)(?: please| also)? (?:get|have|receive|request)\b|"
    r"^(?:i|we)(?:'m| am| are|'re)? (?:requesting|asking for)\b",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"^(?:(?:do not|don't|dont|never|no need to|stop|refrain from|avoid|rather than|instead of|without|not|no|"
    r"never mind|forget)\b|(?:i|we) (?:do not|don't|never|no longer)(?: really)? (?:want|need|wish|like|ask)|"
    r"(?:you|we) (?:must|should|may|can|need)(?: not|n't)\b|(?:mustn't|shouldn't|can't|cannot))",
    re.IGNORECASE,
)
CORRECTION = re.compile(
    r"\b(?:no,? wait|wait,? no|no,? sorry|sorry,? (?:i mean|no)|i mean(?:t)?|correction|make that|scratch that|"
    r"or rather)\b",
    re.I,
)
"""After these a value takes the place of one like it that stands before."""
NO_REFUSAL = re.compile(r"(?:do not|don't|never) (?:forget|hesitate|fail)", re.IGNORECASE)
REPORTED = re.compile(
    r"(?<!\bi )(?<!\bwe )\b(?:says?|said|wrote|writes|states?|stated|claims?|claimed|tells?|told|instructs?|"
    r"instructed|"
    r"insists?|insisted|thinks?|believes?|suggests?|recommends?|hopes?|demands?|demanded|asked|wants?)(?: (?:me|"
    r"us|you|that|to|him|her|them))*\s+(?=\S)",
    re.IGNORECASE,
)
"""Somebody else's words or wishes."""

ENSURE = re.compile(r"(?:please )?(?:make sure|ensure|see to it)\b", re.IGNORECASE)
ASKING_FOR = re.compile(
    r"^(?:i|we)(?:'d| would| do)?(?: really| just| also| still)? (?:want|need|like|have)(?: for)? "
    r"(?:(?:some|any|a bit of|your|more|an?|the) )?(?:help|information|info|advice|details|update|explanation|"
    r"question)\b",
    re.IGNORECASE,
)
TELLING = word_set(
    "tell know explain show see check find look list understand learn wonder ask hear describe track search read view "
    "display verify confirm count compare"
)
"""Verbs of finding out: a request headed by one of them is a question."""
PASSIVE = re.compile(r"\b(?:should|must|needs? to|has to|have to|is to|are to) (?:also )?be \w+", re.IGNORECASE)
PLEASE = re.compile(r"\b(?:please|pls|plz|kindly)\b", re.IGNORECASE)
NUMBERED = re.compile(r"\w+ (?:number |no\.? |nr\.? |id )?#?\d")
"""A noun with its number, as in "order 5"; some such nouns are verbs elsewhere."""

ALSO_NOUNS = word_set(
    "order file message invoice book note record report request release label tag ship mail ticket call issue bill"
)
NEVER_BEFORE_ORDER = word_set(
    "to a an the my your this that not never n't didn't doesn't don't did does do will would can could should has have "
    "had is are was were i you we they and or no for of in on at with been be"
)
DETERMINERS = word_set("the a an my our this that one some these those its their his her")
FINITE = word_set(
    "is are was were has have had isn't aren't wasn't weren't hasn't haven't hadn't did didn't does doesn't do don't "
    "came"
)
