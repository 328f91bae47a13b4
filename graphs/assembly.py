"""Put an agent together: its model, tools, policies and memory, and the ports behind the gate."""

import threading
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from interlock.graphs.agent import Agent
from interlock.graphs.manifests import check_manifest, hashed
from interlock.graphs.runs import Runs
from interlock.runtime.gate.gate import Gate
from interlock.runtime.gate.memory import GatedMemory
from interlock.runtime.gate.models import GatedModel
from interlock.runtime.gate.others import GatedDoor, JournalNotebook
from interlock.runtime.gate.run import OpenRun, RunHeader
from interlock.runtime.gate.tools import GatedTools
from interlock.runtime.home import Home
from interlock.runtime.memories import Owner
from interlock.runtime.models.chat import ChatModel
from interlock.runtime.models.resolve import resolve
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.ports import Deps, MemoryStore, Selection
from interlock.runtime.prompts import PromptFolder
from interlock.runtime.records import Caller


class Assembly:
    """One agent in one graph, ready to run in any home."""

    def __init__(self, agent: Agent, *, graph: str) -> None:
        self.agent = agent
        self.graph = graph
        self.source = ""
        self.topology: dict[str, Any] = {}
        """The graph's nodes and edges."""
        self.tools = {tool.contract.name: tool for tool in agent.tools}
        self.contracts = [tool.contract for tool in agent.tools]
        self.policies = CedarPolicies(agent.policy, self.contracts, roles=agent.roles)
        self.prompts = PromptFolder(None if agent.prompts is None else Path(agent.prompts))
        self.runs = Runs(self)
        self._smaller_model: ChatModel | None = None
        self._memories: dict[str, MemoryStore] = {}
        self._selections: dict[str, Selection] = {}
        self._lock = threading.RLock()

    @cached_property
    def model(self) -> ChatModel:
        """The agent's chat model; made when first needed."""
        return resolve(self.agent.model, contracts=self.contracts, prices=self.agent.prices)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Content hashes of all that decides how the agent behaves."""
        return self._manifest(self.model)

    def manifest_with(self, model: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Give the manifest as it is but for the model, which is not made for it."""
        return {**self._manifest(None), "model": model, "model_settings": settings}

    def _manifest(self, model: ChatModel | None) -> dict[str, Any]:
        select, output = self.agent.select, self.agent.reply_shape
        return {
            **({"output": [output.__name__, hashed(output.model_json_schema())]} if output else {}),
            **({"memory": self.agent.memory.version} if self.agent.memory else {}),
            **({"short_term": self.agent.short_term.model_dump(mode="json")} if self.agent.short_term else {}),
            **({"select": [select.most, sorted(select.pinned)]} if select else {}),
            "graph": self.graph,
            "topology": self.topology,
            "agent": self.agent.name,
            "model": model.name if model else "",
            "model_settings": model.settings() if model else {},
            "policy": self.policies.version,
            "prompts": {prompt.name: [prompt.version, prompt.hash] for prompt in self.prompts.all()},
            "tools": {
                c.name: [c.version, hashed([c.as_catalogue(), c.idempotent, c.open_world])] for c in self.contracts
            },
            "budget": self.agent.budget.model_dump(mode="json"),
        }

    @cached_property
    def manifest_hash(self) -> str:
        """SHA-256 of the manifest, hexadecimal."""
        return hashed(self.manifest)

    def manifest_in(self, home: Home) -> dict[str, Any]:
        """Give the manifest of runs in a home, whose model may be another one than the agent's."""
        return self._manifest(self._model(home))

    def checked_manifest(self, home: Home, header: RunHeader) -> dict[str, Any]:
        """Give today's manifest, if it may go on with the run.

        Raises:
            ManifestChanged: it may not.
        """
        manifest = self.manifest_in(home)
        if hashed(manifest) != header["manifest"] and home.outside is None:
            check_manifest(home, header["id"], manifest, self.agent.takes_over)
        return manifest

    def memory(self, home: Home) -> MemoryStore | None:
        """Open the agent's memory in a home."""
        plan = self.agent.memory
        if plan is None:
            return None
        with self._lock:
            key = str(home.path)
            if key not in self._memories:
                self._memories[key] = (
                    home.outside.memory(lambda: plan.open(home.path, home.clock))
                    if home.outside
                    else plan.open(home.path, home.clock)
                )
            return self._memories[key]

    def _selection(self, home: Home) -> Selection | None:
        plan = self.agent.select
        if plan is None or len(self.contracts) <= plan.most:
            return None
        with self._lock:
            if (found := self._selections.get(str(home.path))) is None:
                opened = partial(plan.open, self.contracts, home.path)
                found = home.outside.selection(opened) if home.outside else opened()
                self._selections[str(home.path)] = found
            return found

    def _model(self, home: Home) -> ChatModel:
        if home.outside is None:
            return self.model
        return home.outside.model(self.agent.model, self.contracts, self.agent.prices)

    def _smaller(self, home: Home) -> ChatModel | None:
        """Give the model that is asked when a run nears a limit."""
        plan = self.agent.budget.wind_down
        if plan is None or not plan.model:
            return None
        if home.outside is not None:
            return home.outside.model(plan.model, self.contracts, self.agent.prices)
        if self._smaller_model is None:
            self._smaller_model = resolve(plan.model, contracts=self.contracts, prices=self.agent.prices)
        return self._smaller_model

    def use_model(self, name: str) -> None:
        """Use another model than the agent names, from the next run on."""
        self.agent = replace(self.agent, model=name)
        for made in ("model", "manifest", "manifest_hash"):
            self.__dict__.pop(made, None)

    def use_prompt(self, file: Path) -> None:
        """Use a prompt file instead of the prompt of its name, from the next run on."""
        self.prompts = self.prompts.with_file(file)
        for made in ("manifest", "manifest_hash"):
            self.__dict__.pop(made, None)

    def remembered(self, home: Home, caller: Caller) -> tuple[str, ...]:
        """List what the memory holds for a user, for those who judge it. Not for nodes."""
        store = self.memory(home)
        return () if store is None else store.texts(Owner(tenant=caller.tenant, user=caller.user))

    def close(self, home: Home) -> None:
        """Let go of what was opened in a home."""
        with self._lock:
            if (store := self._memories.pop(str(home.path), None)) is not None:
                store.close()

    def _memory_port(self, gate: Gate, run: OpenRun) -> GatedMemory | None:
        plan, store = self.agent.memory, self.memory(gate.home)
        if plan is None or store is None:
            return None
        return GatedMemory(gate=gate, run=run, store=store, plan=plan, source=self.source)

    def ports(self, home: Home, run: OpenRun) -> Deps:
        """Make the ports of a run, with the gate before them."""
        gate = Gate(home=home, policies=self.policies)
        outside = home.outside
        tools = {name: outside.tool(tool) for name, tool in self.tools.items()} if outside else self.tools
        deps = Deps(
            model=GatedModel(gate=gate, run=run, model=self._model(home), smaller=self._smaller(home)),
            tools=GatedTools(gate=gate, run=run, tools=tools, source=self.source, selection=self._selection(home)),
            memory=self._memory_port(gate, run),
            door=GatedDoor(gate=gate, run=run, output=self.agent.reply_shape),
            notebook=JournalNotebook(gate=gate, run=run),
            clock=home.clock,
            prompts=self.prompts,
        )
        return outside.ports(deps, run) if outside else deps
