import { useAnnouncement } from "../chat/announcements";
import { Card } from "./Card";
import { type AskProps, useOnce } from "./ask";

const HOURS = [10, 14, 16];

/** The question of `schedule_meeting`: when shall we meet? Three times on the next working day are offered. */
export function Meeting({ interrupt, onAnswer, onCancel }: AskProps) {
  const { isAnswered, once } = useOnce();
  useAnnouncement(`A question waits for your answer. ${interrupt.message ?? ""}`);
  return (
    <Card label="Question" className="ask">
      <p>{interrupt.message}</p>
      <div className="actions">
        {HOURS.map((hour) => {
          const { chosen_time, chosen_label } = slot(hour);
          return (
            <button key={hour} disabled={isAnswered} onClick={once(() => onAnswer({ chosen_time, chosen_label }))}>
              {chosen_label}
            </button>
          );
        })}
      </div>
      <div className="actions">
        <button className="quiet" disabled={isAnswered} onClick={once(() => onAnswer({}))}>None of these</button>
        <button className="quiet" disabled={isAnswered} onClick={once(onCancel)}>Cancel</button>
      </div>
    </Card>
  );
}

function slot(hour: number) {
  const day = new Date();
  do day.setDate(day.getDate() + 1);
  while (day.getDay() === 0 || day.getDay() === 6);
  day.setHours(hour, 0, 0, 0);
  const weekday = day.toLocaleDateString("en", { weekday: "long" });
  return { chosen_time: day.toISOString(), chosen_label: `${weekday}, ${hour}:00` };
}
