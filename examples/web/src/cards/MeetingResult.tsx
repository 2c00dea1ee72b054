import { Card } from "./Card";
import { Unconfirmed } from "./Unconfirmed";
import { parseResult } from "./result";

/** A meeting that the agent's tool `schedule_meeting` has arranged. Without a meeting, the reason. */
export function MeetingResult({ status, result }: any) {
  const meeting = parseResult(result);
  if (status !== "complete") return <Card label="Meeting" title="Meeting" status="Not arranged yet" />;
  if (meeting.chosen_label !== undefined) return <Unconfirmed label="Meeting" answer={meeting.chosen_label} />;
  if (meeting.time === undefined) return <Card label="Meeting" title="No meeting"><p>{meeting.error ?? meeting.text}</p></Card>;
  return (
    <Card label="Meeting" title={meeting.label ?? meeting.time} status="Arranged" className="done">
      <p>{meeting.topic}</p>
    </Card>
  );
}
