"""A LangGraph store on Chroma, and langchain's vector store and retriever on it: for any graph, governed or not."""
