"""A LangGraph program that remembers what it was told. Of Interlock it uses the store alone."""

import sys

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore

from interlock.memory import ChromaStore


def chat(state: MessagesState, *, store: BaseStore) -> MessagesState:
    text = str(state["messages"][-1].content)
    known = store.search(("notes",), query=text, limit=1)
    store.put(("notes",), text, {"text": text})
    answer = f"You said: {known[0].value['text']}" if known else "I know nothing of that yet."
    return {"messages": [AIMessage(answer)]}


with ChromaStore("notes", index={"fields": ["text"]}) as store:
    graph = StateGraph(MessagesState).add_node(chat).add_edge(START, "chat").compile(store=store)
    print(graph.invoke({"messages": [HumanMessage(sys.argv[1])]})["messages"][-1].content)
