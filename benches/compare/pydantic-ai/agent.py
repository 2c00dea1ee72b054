"""The smallest agent with Pydantic AI, as its page on AG-UI shows it."""

import os
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request
from pydantic_ai import Agent, RunContext
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.ui.ag_ui import AGUIAdapter


@dataclass
class Caller:
    org: str


agent = Agent(OpenAIChatModel("stand-in"), deps_type=Caller)
app = FastAPI()


@agent.tool
async def find_order(context: RunContext[Caller], order: str) -> str:
    """Looks an order up.

    Args:
        order: Number of the order, e.g. `A-17`.
    """
    return f"Order {order} of {context.deps.org} is on its way."


@app.post("/")
async def run(request: Request):
    if request.headers.get("x-agent-token") != os.environ["AGENT_TOKEN"]:
        raise HTTPException(401)
    caller = Caller(request.headers["x-org-id"])
    return await AGUIAdapter.dispatch_request(request, agent=agent, deps=caller)
