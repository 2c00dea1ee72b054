"""A client of the function with the protocol's Python models: text, the result of a tool, and an approval.

    front_end.py URL SHARED_TOKEN USER_JWT

Prints the messages of the thread, each as a line of JSON.
"""

import sys

# region thread
import uuid

import httpx
from ag_ui.core import (
    AssistantMessage, Event, FunctionCall, MessagesSnapshotEvent, ResumeEntry, RunAgentInput, RunErrorEvent,
    RunFinishedEvent, TextMessageContentEvent, TextMessageStartEvent, ToolCall, ToolCallArgsEvent,
    ToolCallResultEvent, ToolCallStartEvent, ToolMessage, UserMessage,
)
from pydantic import TypeAdapter

read_event = TypeAdapter(Event).validate_json


class Thread:
    """A conversation with the agent. The agent keeps nothing of it, so each run is sent all messages."""

    def __init__(self, url, headers):
        self.url, self.headers = url, {**headers, "content-type": "application/json"}
        self.id, self.messages = str(uuid.uuid4()), []

    def say(self, text):
        self.messages.append(UserMessage(id=str(uuid.uuid4()), content=text))
        return self.run()

    def run(self, resume=None):
        """Runs the agent, and returns the last event: RUN_FINISHED with its outcome, or RUN_ERROR."""
        request = RunAgentInput(
            thread_id=self.id, run_id=str(uuid.uuid4()), messages=self.messages, resume=resume,
            state={}, tools=[], context=[], forwarded_props={},
        )
        body = request.model_dump_json(by_alias=True, exclude_none=True)
        last = None
        with httpx.stream("POST", self.url, headers=self.headers, content=body, timeout=300) as response:
            if response.status_code != 200:
                raise RuntimeError(response.read().decode())
            for line in response.iter_lines():
                if line.startswith("data: "):
                    event = read_event(line.removeprefix("data: "))
                    self.apply(event)
                    if isinstance(event, RunFinishedEvent | RunErrorEvent):
                        last = event
        return last

    def apply(self, event):
        """Does to the messages what the event says."""
        match event:
            case TextMessageStartEvent():
                self.assistant(event.message_id)
            case TextMessageContentEvent():
                message = self.assistant(event.message_id)
                message.content = (message.content or "") + event.delta
            case ToolCallStartEvent():
                message = self.assistant(event.parent_message_id or event.tool_call_id)
                call = ToolCall(id=event.tool_call_id, function=FunctionCall(name=event.tool_call_name, arguments=""))
                message.tool_calls = [*(message.tool_calls or []), call]
            case ToolCallArgsEvent():
                calls = [call for message in self.messages for call in getattr(message, "tool_calls", None) or []]
                next(call for call in calls if call.id == event.tool_call_id).function.arguments += event.delta
            case ToolCallResultEvent():
                # The metadata holds the signature by which the agent recognises its own results.
                self.messages.append(ToolMessage(
                    id=event.message_id, tool_call_id=event.tool_call_id, content=event.content, metadata=event.metadata,
                ))
            case MessagesSnapshotEvent():
                self.messages = list(event.messages)

    def assistant(self, id):
        """The message with this id; a new one if the thread has no such message."""
        if not any(message.id == id for message in self.messages):
            self.messages.append(AssistantMessage(id=id))
        return next(message for message in self.messages if message.id == id)
# endregion


url, token, jwt = sys.argv[1:]

# region approve
thread = Thread(url, {"x-agui-token": token, "x-agui-user-token": jwt})
thread.say("weather in Tokyo")
end = thread.say("refund order 1234 for 20")
if end.outcome and end.outcome.type == "interrupt":
    answers = [
        ResumeEntry(interrupt_id=interrupt.id, status="resolved", payload={"approved": True})
        for interrupt in end.outcome.interrupts
    ]
    thread.run(resume=answers)
# endregion
thread.say("Good evening")
for message in thread.messages:
    print(message.model_dump_json(by_alias=True, exclude_none=True))
