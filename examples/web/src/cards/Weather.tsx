import { Card } from "./Card";
import { WeatherIcon } from "./WeatherIcon";
import { parseResult } from "./result";
import { NOT_FINISHED, useCallState } from "./isOver";

/** The weather of a city, which the agent's tool `get_weather` has returned. */
export function Weather({ parameters, result, ...call }: any) {
  const state = useCallState({ result, ...call });
  const label = `Weather in ${parameters?.location ?? "…"}`;
  if (state !== "complete") {
    return <Card label={label} title={label} status={state === "unfinished" ? NOT_FINISHED : "Looking it up"} />;
  }
  const weather = parseResult(result);
  if (weather.temperature === undefined) {
    return <Card label={label} title={label}><p>{weather.error ?? weather.text}</p></Card>;
  }
  return (
    <Card label={`Weather in ${weather.city}`} className="weather">
      <WeatherIcon conditions={weather.conditions} />
      <div>
        <strong>{weather.city}</strong>
        <span>{weather.conditions}</span>
      </div>
      <span className="degrees">{weather.temperature} °C</span>
      <dl>
        <div><dt>Humidity</dt><dd>{weather.humidity} %</dd></div>
        <div><dt>Wind</dt><dd>{weather.wind_speed} km/h</dd></div>
      </dl>
    </Card>
  );
}
