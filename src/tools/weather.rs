//! Shows the plain case: typed arguments in, a typed result out, and a refusal that the model can read.

use ag_ui_lambda::tool::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeatherArgs {
    /// City in English, e.g. `Lisbon`.
    location: String,
}

/// Weather of a city, in °C, percent and km/h.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Weather {
    city: &'static str,
    conditions: &'static str,
    temperature: i32,
    humidity: u32,
    wind_speed: u32,
}

/// The current weather of a city.
pub async fn get_weather(_: ToolContext<Caller>, args: WeatherArgs) -> Result<Weather, ToolError> {
    let asked = args.location.trim();
    let known = CITIES.iter().find(|weather| weather.city.eq_ignore_ascii_case(asked));
    known.copied().ok_or_else(|| {
        let cities: Vec<_> = CITIES.iter().map(|weather| weather.city).collect();
        ToolError::refused(format!("No weather for this city. Known cities: {}.", cities.join(", ")))
    })
}

/// The sample's weather never changes; a real tool asks a service.
const CITIES: &[Weather] = &[
    weather("Tokyo", "Partly cloudy", 22, 61, 14),
    weather("Paris", "Light rain", 15, 82, 19),
    weather("London", "Overcast", 13, 78, 22),
    weather("Lisbon", "Sunny", 24, 48, 17),
    weather("Berlin", "Clear", 11, 66, 12),
    weather("Madrid", "Sunny", 27, 35, 9),
    weather("Rome", "Sunny", 25, 52, 11),
    weather("New York", "Windy", 18, 55, 31),
    weather("San Francisco", "Fog", 16, 85, 20),
    weather("São Paulo", "Thunderstorm", 26, 74, 15),
    weather("Nairobi", "Partly cloudy", 23, 58, 13),
    weather("Mumbai", "Humid", 31, 80, 10),
    weather("Singapore", "Thunderstorm", 30, 84, 8),
    weather("Sydney", "Sunny", 21, 57, 24),
];

const fn weather(
    city: &'static str,
    conditions: &'static str,
    temperature: i32,
    humidity: u32,
    wind_speed: u32,
) -> Weather {
    Weather { city, conditions, temperature, humidity, wind_speed }
}
