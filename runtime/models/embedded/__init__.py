"""The embedded model: a deterministic chat model that needs no key and no network.

It is honest about being no language model. It takes a request apart into clauses, finds for each the tool whose
schema speaks of the same things, fills the arguments from what the user said, asks for what is missing, and answers
from results by template.
"""

from interlock.runtime.models.embedded.model import EmbeddedChatModel

__all__ = ["EmbeddedChatModel"]
