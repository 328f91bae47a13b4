"""Forms of small talk and of talk about oneself, the user, and questions that were asked."""

import re

CHAT = re.compile(
    r"^(?:(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|cheers|bye|goodbye|see you|ok|"
    r"okay|great|"
    r"thanks?(?: you| a lot| so much| very much)*|perfect|nice|cool|fine|well|how are you(?: doing| today)*|"
    r"there|all|"
    r"everyone|dear \w+|that's all|that is all|no thanks|have a nice day|good|lovely|awesome|wonderful|"
    r"\w+ team)[\s,.!?]*)+$",
    re.IGNORECASE,
)
"""Greetings, thanks and the like, and nothing else."""

SELF = re.compile(
    r"\b(?:who|what) are you\b|\bwhat can you do\b|\bhow can you help\b|\bwhat do you do\b|\bhelp me\W*$|^help\W*$|"
    r"\bare you (?:an? )?(?:human|person|robot|bot|real|ai|language model|machine|chatgpt|gpt|llm)\b",
    re.IGNORECASE,
)
ABOUT_USER = re.compile(
    r"\b(?:do|did|have|would|should) i (?:usually |normally )?(?:like|prefer|want|tell|say|said|told|ask)|"
    r"\bam i called\b|"
    r"\b(?:is|was|are|were|what's) my\b|\bmy (?:name|preference|preferred|favou?rite)\b|\b(?:remember|"
    r"know) (?:about|of) me\b|"
    r"\b(?:i told you|you remember|did i mention|how do i like|what do i (?:like|prefer)|i prefer|should i be)\b|"
    r"\b(?:contact|reach|call) me\b",
    re.IGNORECASE,
)
"""Questions that the user's own words from earlier may answer."""

WISHES = re.compile(
    r"\b(?:do|did|would|should) i (?:usually |normally )?(?:like|prefer|want)\b|\bi (?:told|said)\b|\byou remember\b|"
    r"\bmy (?:preference|preferred|favou?rite)\b|\b(?:contact|reach|call) me\b|\bknow about me\b",
    re.IGNORECASE,
)
"""Those among them that nothing else answers."""

PROCEDURE = re.compile(
    r"^(?:and |but |so |also )?(?:how (?:do|can|could|should|would|may|must) (?:i|we|one|you)|how to|"
    r"what (?:should|must|can) (?:i|we)|"
    r"what do i (?:have|need) to|(?:can|may) (?:i|we)|do (?:you|i|we)|is it (?:possible|allowed)|am i allowed|"
    r"where can (?:i|we)|"
    r"what (?:if|happens))\b",
    re.IGNORECASE,
)
"""Questions about how things are done in general."""

NEVER_MIND = re.compile(
    r"^(?:no|nope|no,? thanks?(?: you)?|never ?mind|forget (?:it|about it)|cancel(?: that| it)?|stop(?: it)?|"
    r"leave it|"
    r"drop it|nothing|don't(?: do (?:it|that))?|do not|skip it|not now|no longer needed)"
    r"[\s,.!]*(?:please|thanks?(?: you)?)?[.!]*$",
    re.IGNORECASE,
)
YES = re.compile(
    r"^(?:yes|yep|yeah|sure|ok|okay|go ahead|do it|please do|certainly|of course|correct|right)\b[\w\s,]{0,40}[.!]*$",
    re.IGNORECASE,
)
NEW_THING = re.compile(
    r"\bnew ([a-z]+(?: [a-z]+)?)(?: is\b| will be\b|:|(?= [A-Z\d]))|"
    r"\b(?i:my) ([a-z]+(?: [a-z]+)?) (?:has |is |was )?(?:changed|now)\b"
)
"""The announcement of a changed fact: "my new address is", "my address has changed"."""
