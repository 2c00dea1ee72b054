"""The smallest agent with AG2, as its page on the backend of AG-UI shows it."""

import os
from dataclasses import dataclass
from typing import Annotated

import httpx2
from ag2 import Agent, Inject
from ag2.ag_ui import AGUIStream, RunAgentInput
from ag2.config import OpenAIConfig
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse


# region tool
@dataclass
class Caller:
    org: str


async def find_order(order: str, caller: Annotated[Caller, Inject()]) -> str:
    """Looks an order up.

    Args:
        order: Number of the order, e.g. `A-17`.
    """
    return f"Order {order} of {caller.org} is on its way."
# endregion


# Without a client of its own it would create one, with its TLS settings, in each run.
# region serve
config = OpenAIConfig("stand-in", streaming=True, http_client=httpx2.AsyncClient())
stream = AGUIStream(Agent("orders", config=config, tools=[find_order]))
app = FastAPI()


@app.post("/")
async def run(message: RunAgentInput, x_agent_token: str = Header(), x_org_id: str = Header()):
    if x_agent_token != os.environ["AGENT_TOKEN"]:
        raise HTTPException(401)
    events = stream.dispatch(message, dependencies={"caller": Caller(x_org_id)})
    return StreamingResponse(events, media_type="text/event-stream")
# endregion
