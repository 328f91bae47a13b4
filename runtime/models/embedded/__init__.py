"""The embedded model: a deterministic chat model that needs no key and no network.

It is no language model, and says so. It makes the first run, tests and the cheap tier work: where it is unsure, it
reports little confidence (`response_metadata["confidence"]`), so that a router can ask a real model instead.

How a request becomes an answer:

1. Reading (`text`, `payloads`, `clauses`, `forces`). Quoted and pasted text is covered: it is data. What remains is
   cut into clauses, each an order, a question or a statement, with the conditions it stands under and whether it is
   refused.
2. Meaning (`values`, `catalogue`, `deeds`, `ranking`, `roles`). Typed values are found in one scan. Each tool is
   scored for each clause by the words of its schema, weighed by rarity, and by whether the values at hand fit. A
   tool that acts is taken only where the clause orders its very deed. MiniLM is loaded only where no word speaks for
   any tool.
3. Filling (`matching`, `choices`, `placing`, `phrases`, `filling`). Arguments come from the clause, then from the
   rest of the request, from what "it" stands for in earlier messages, and, for choices only, from memory. Nothing is
   made up.
4. Planning (`lookups`, `conditions`, `desk`, `planning`). What is missing is looked up where a reading tool's result
   has such a field, else asked for. A condition becomes a test of one field of a lookup's result; one that no field
   can tell is asked about. While anything is open, nothing is changed.
5. Answering (`answers`, `reports`, `findings`, `excerpts`, `phrasing`, `sayings`). Results are told by template: the
   fields that were asked about, texts in quotation marks, failures with their reason, what was left undone and why.

Modes (`thinking`): with tools bound it calls them until it can answer; with the tool `Plan` forced it plans; with
any other shape forced it fills the shape (`shapes`, `memories`); without tools it answers from results and memory in
the conversation. What it reads from system messages beside the prompt: `<tools>`, `<results>` and `<memory>` blocks.

Tokens in `usage_metadata` are counted by rule of thumb, four bytes each.

Sources: rarity weights after BM25 (Robertson and Zaragoza, 2009); stems after M. F. Porter, "An algorithm for suffix
stripping", 1980, with fewer and bolder rules; sentence vectors by all-MiniLM-L6-v2.
"""

from interlock.runtime.models.embedded.model import EmbeddedChatModel

__all__ = ["EmbeddedChatModel"]
