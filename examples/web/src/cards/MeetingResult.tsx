import { Card } from "./Card";
import { Unconfirmed } from "./Unconfirmed";
import { parseResult } from "./result";
import { NOT_FINISHED, useCallState, useIsOver } from "./isOver";

/** A meeting that the agent's tool `schedule_meeting` has arranged. Without a meeting, the reason. */
export function MeetingResult({ toolCallId, status, result }: any) {
  const state = useCallState({ toolCallId, status, result });
  const isOver = useIsOver(toolCallId);
  const meeting = parseResult(result);
  if (state === "unfinished") return <Card label="Meeting" title="Meeting" status={NOT_FINISHED} />;
  if (state === "working") return <Card label="Meeting" title="Meeting" status="Not arranged yet" />;
  if (meeting.chosen_label !== undefined) return <Unconfirmed label="Meeting" answer={meeting.chosen_label} isOver={isOver} />;
  if (meeting.time === undefined) return <Card label="Meeting" title="No meeting"><p>{meeting.error ?? meeting.text}</p></Card>;
  return (
    <Card label="Meeting" title={meeting.label ?? meeting.time} status="Arranged" className="done">
      <p>{meeting.topic}</p>
    </Card>
  );
}
