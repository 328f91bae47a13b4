"""The support agent of a shop: it answers from the shop's database, and asks a person before it does harm."""

from interlock import Agent, Budget
from interlock.graphs import plan_execute
from interlock.memory import Memory

from .tools import change_address, find_order, list_orders, refund, search_help, send_mail, track_shipment

agent = Agent(
    name="support",
    model="embedded",
    tools=[find_order, list_orders, track_shipment, search_help, refund, change_address, send_mail],
    policy="policy.cedar",
    roles=["lead"],
    prompts="prompts",
    budget=Budget(usd="0.05", tokens=20_000, steps=12, seconds=60),
    memory=Memory(write="memory.yaml"),
)

graph = plan_execute(agent)
