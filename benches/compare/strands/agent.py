"""The smallest agent with Strands Agents, as the readme of its AG-UI integration shows it."""

import os
from dataclasses import dataclass

from ag_ui_strands import StrandsAgent, create_strands_app
from fastapi import HTTPException, Request
from strands import Agent, ToolContext, tool
from strands.models.openai import OpenAIModel


@dataclass
class Caller:
    org: str


@tool(context=True)
async def find_order(order: str, tool_context: ToolContext) -> str:
    """Looks an order up.

    Args:
        order: Number of the order, e.g. `A-17`.
    """
    caller: Caller = tool_context.invocation_state["caller"]
    return f"Order {order} of {caller.org} is on its way."


def check_token(request: Request) -> None:
    if request.headers.get("x-agent-token") != os.environ["AGENT_TOKEN"]:
        raise HTTPException(401)


agent = StrandsAgent(Agent(OpenAIModel(model_id="stand-in"), tools=[find_order]), name="orders")
app = create_strands_app(
    agent,
    "/",
    None,
    cors_enabled=False,
    auth=check_token,
    invocation_state_provider=lambda request, _: {"caller": Caller(request.headers["x-org-id"])},
)
