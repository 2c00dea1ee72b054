import { Card } from "./Card";
import { WeatherIcon } from "./WeatherIcon";
import { parseResult } from "./result";

/** The weather of a city, which the agent's tool `get_weather` has returned. */
export function Weather({ parameters, status, result }: any) {
  const label = `Weather in ${parameters?.location ?? "…"}`;
  if (status !== "complete") return <Card label={label} title={label} status="Looking it up" />;
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
