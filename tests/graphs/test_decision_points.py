"""Every place at which policies decide: what is denied, asked about or changed does not go on as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from interlock import Agent, Session, tool
from interlock.graphs import plan_execute, tool_loop
from interlock.memory import Memory
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Noted, RunStarted
from interlock.runtime.memories import Note, Owner
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.replies import Reply

ALL = 'permit (principal, action in Action::"tool", resource);'
CARD = "4111 1111 1111 1111"
ARGUMENTS = {"amount": {"value": 80}, "note": {"value": f"card {CARD}"}}
STEP = {"id": "s1", "goal": "pay", "tool": "pay", "arguments": ARGUMENTS}
PLAN = AIMessage("", tool_calls=[{"name": "Plan", "id": "p", "args": {"steps": [STEP]}}])
NOTED = AIMessage("", tool_calls=[{"name": "Memories", "id": "m", "args": {"notes": [
    {"text": f"My card is {CARD}.", "kind": "fact"},
]}}])  # fmt: skip


class World:
    """A till and what its agent remembers, and what was done in a run."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.paid: list[tuple[int, str]] = []
        self.home, self._policy = home, folder / "policy.cedar"
        self.model = ScriptedChatModel([PLAN, f"Paid with {CARD}.", NOTED])

    async def run(self, rule: str) -> Reply:
        """Run a request under one more policy."""
        self._policy.write_text(f"{ALL}\n{rule}")

        @tool(destructive=True)
        def pay(amount: int, note: str) -> dict[str, str]:
            """Pay."""
            self.paid.append((amount, note))
            return {"receipt": f"R-{amount}", "card": CARD}

        agent = Agent(name="till", model=self.model, tools=[pay], policy=self._policy, memory=Memory())
        async with Session(plan_execute(agent), home=self.home, user="7") as session:
            return await session.send(f"Pay 80 with {CARD}.")

    async def session(self, rule: str, texts: list[str]) -> list[Reply]:
        """Send several messages on one thread, each of which the model answers at once."""
        self._policy.write_text(f"{ALL}\n{rule}")
        agent = Agent(name="till", model=ScriptedChatModel(["Hi."] * len(texts)), policy=self._policy)
        async with Session(tool_loop(agent), home=self.home, user="7") as session:
            return [await session.send(text) for text in texts]

    async def remembered(self) -> list[str]:
        store = Memory().open(self.home.path, self.home.clock)
        found = await store.recall("card", Owner(tenant="default", user="7"))
        store.close()
        return [item.text for item in found.items]

    async def remember(self, text: str) -> None:
        store = Memory().open(self.home.path, self.home.clock)
        await store.remember(Note(text=text), Owner(tenant="default", user="7"))
        store.close()

    def prompts(self) -> str:
        """All that the model was shown."""
        return "\n".join(str(message.content) for asked in self.model.asked for message in asked)


@pytest.fixture
def world(home: Home, tmp_path: Path) -> World:
    return World(home, tmp_path)


def rule(action: str, outcome: str) -> str:
    marks = {"deny": "", "ask": '@decision("ask")', "change": '@mask("*")'}[outcome]
    return f'@id("the-rule") @reason("as it says") {marks} forbid (principal, action == Action::"{action}", resource);'


async def test_what_nothing_narrows_goes_all_the_way(world: World) -> None:
    reply = await world.run("")

    assert (reply.status, reply.text, world.paid) == ("done", f"Paid with {CARD}.", [(80, f"card {CARD}")])


@pytest.mark.parametrize("action", ["take_input", "make_plan", "reply", "read_memory"])
@pytest.mark.parametrize("outcome", ["deny", "ask"])
async def test_a_run_ends_where_it_may_not_go_on_and_nobody_can_be_asked(
    world: World, action: str, outcome: str
) -> None:
    reply = await world.run(rule(action, outcome))

    assert reply.status == "stopped"
    assert "the-rule" in reply.text
    assert CARD not in reply.text
    assert world.paid == ([(80, f"card {CARD}")] if action == "reply" else [])


async def test_a_request_that_is_denied_is_answered_by_its_own_run_and_not_by_the_one_before(world: World) -> None:
    clean = 'forbid (principal, action == Action::"take_input", resource) when { context.found.contains("card") };'
    first = await world.session("", ["Hello.", "Good day."])
    second = await world.session(f'@id("no-cards") {clean}', ["Hello.", f"My card is {CARD}."])

    assert [reply.text for reply in first] == ["Hi.", "Hi."]
    assert [reply.status for reply in second] == ["done", "stopped"]
    assert "no-cards" in second[1].text


CHANGED: dict[str, Callable[[World, Reply], Any]] = {
    "take_input": lambda world, _reply: "Pay 80 with [card]." in world.prompts(),
    "pay": lambda world, _reply: world.paid == [(80, "card [card]")],
    "take_result": lambda world, _reply: '"card":"[card]"' in world.prompts(),
    "reply": lambda _world, reply: reply.text == "Paid with [card].",
}


@pytest.mark.parametrize("action", CHANGED)
async def test_what_a_policy_changes_goes_on_as_changed(world: World, action: str) -> None:
    reply = await world.run(rule(action, "change"))

    assert reply.status == "done"
    assert CHANGED[action](world, reply)


MEMORY = f"I always pay 80 with {CARD}."
PARTS: dict[tuple[str, str], Callable[[World, Reply], Any]] = {
    ("take_input", '@drop("text")'): lambda world, _reply: "Pay 80" not in world.prompts().replace(MEMORY, ""),
    ("pay", '@cap("amount: 50")'): lambda world, _reply: world.paid == [(50, f"card {CARD}")],
    ("pay", '@drop("note")'): lambda world, reply: (world.paid, reply.calls[0].outcome) == ([], "refused"),
    ("pay", '@mask("note") @cap("amount: 50")'): lambda world, _reply: world.paid == [(50, "card [card]")],
    ("take_result", '@drop("card")'): lambda world, _reply: '{"receipt":"R-80"}' in world.prompts(),
    ("reply", '@drop("text")'): lambda _world, reply: reply.text == "",
    ("read_memory", '@mask("text")'): lambda world, _reply: "I always pay 80 with [card]." in world.prompts(),
    ("read_memory", '@drop("text")'): lambda world, _reply: "I always pay 80" not in world.prompts(),
    ("read_memory", '@drop("query")'): lambda world, _reply: "I always pay 80" not in world.prompts(),
}


@pytest.mark.parametrize(("action", "marks"), PARTS)
async def test_a_part_that_is_masked_dropped_or_capped_does_not_go_on(world: World, action: str, marks: str) -> None:
    await world.remember(MEMORY)
    reply = await world.run(f'@id("the-rule") {marks} forbid (principal, action == Action::"{action}", resource);')

    assert reply.status == "done"
    assert PARTS[action, marks](world, reply)


async def test_what_is_dropped_of_what_was_to_be_remembered_is_not_kept(world: World) -> None:
    await world.run('@drop("text") forbid (principal, action == Action::"write_memory", resource);')

    assert CARD not in "".join(await world.remembered())


async def test_a_change_that_cannot_be_made_where_every_action_is_meant_stops_the_run(world: World) -> None:
    reply = await world.run('@id("the-rule") @drop("tools") forbid (principal, action, resource);')

    assert (reply.status, world.paid) == ("stopped", [])
    assert "the-rule" in reply.text


async def test_a_rule_over_every_action_masks_what_holds_something_and_stops_nothing_else(world: World) -> None:
    reply = await world.run('@mask("*") forbid (principal, action, resource) when { context.found.contains("card") };')

    assert (reply.text, world.paid) == ("Paid with [card].", [(80, "card [card]")])


async def test_a_call_that_is_denied_is_not_made_and_one_that_is_asked_about_waits(world: World) -> None:
    denied = await world.run(rule("pay", "deny"))
    world.model = ScriptedChatModel([PLAN])
    asked = await world.run(rule("pay", "ask"))

    assert ([call.outcome for call in denied.calls], asked.status, world.paid) == (["refused"], "waiting", [])


@pytest.mark.parametrize("outcome", ["deny", "ask"])
async def test_a_result_that_may_not_be_taken_is_withheld_though_the_effect_happened(
    world: World, outcome: str
) -> None:
    await world.run(rule("take_result", outcome))

    assert world.paid == [(80, f"card {CARD}")]
    assert "R-80" not in world.prompts()
    assert "its result is withheld: as it says" in world.prompts()


@pytest.mark.parametrize(("outcome", "kept"), [("change", ["My card is [card]."]), ("deny", []), ("ask", [])])
async def test_what_may_not_be_remembered_as_it_is_is_changed_or_left_out(
    world: World, outcome: str, kept: list[str]
) -> None:
    await world.run(rule("write_memory", outcome))

    assert await world.remembered() == kept


async def test_a_memory_that_may_be_read_reaches_the_model(world: World) -> None:
    await world.remember("I always pay 80.")
    await world.run("")

    assert "I always pay 80." in world.prompts()


async def test_an_edit_of_the_policy_is_in_force_within_the_run_and_on_record(home: Home, tmp_path: Path) -> None:
    policy = tmp_path / "policy.cedar"
    policy.write_text(ALL)
    paid: list[int] = []

    @tool(destructive=True)
    def pay(amount: int) -> str:
        """Pay, and have the till closed."""
        paid.append(amount)
        policy.write_text('@id("closed") @reason("the till is closed") forbid (principal, action, resource);')
        return "paid"

    pays = [AIMessage("", tool_calls=[{"name": "pay", "id": str(n), "args": {"amount": n}}]) for n in (1, 2)]
    agent = Agent(name="till", model=ScriptedChatModel([*pays, "Done."]), tools=[pay], policy=policy)
    async with Session(tool_loop(agent), home=home, user="7") as session:
        reply = await session.send("Pay 1, then 2.")

    entries = [entry.event for entry in home.journal.of_run(reply.run)]
    (started,) = [event.policy for event in entries if isinstance(event, RunStarted)]
    (changed,) = [event.facts["version"] for event in entries if isinstance(event, Noted) and "policy" in event.what]
    assert (paid, reply.status) == ([1], "stopped")
    assert "closed" in reply.text
    assert len({started, changed}) == 2
