//! Shows the simple case: typed arguments, a typed result, and an error that the model can read.

use ag_ui_lambda::tool::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;

// The arguments of `get_weather`. Not a doc comment, because that would be in the schema that the model reads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeatherArgs {
    /// City in English, e.g. `Lisbon`.
    location: String,
}

/// The weather of a city, in °C, percent and km/h.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Weather {
    city: &'static str,
    conditions: &'static str,
    temperature: i32,
    humidity: u32,
    wind_speed: u32,
}

/// The tool `get_weather`: returns the current weather of a city. For an unknown city the model reads an error with
/// the names of the known ones.
pub async fn get_weather(_: ToolContext<Caller>, args: WeatherArgs) -> Result<Weather, ToolError> {
    let city = args.location.trim();
    let known = CITIES.iter().find(|weather| weather.city.eq_ignore_ascii_case(city));
    known.copied().ok_or_else(|| {
        let cities: Vec<_> = CITIES.iter().map(|weather| weather.city).collect();
        ToolError::refused(format!("No weather for this city. Known cities: {}.", cities.join(", ")))
    })
}

/// The weather of this sample never changes; a real tool calls a service.
const CITIES: &[Weather] = &[
    Weather::new("Tokyo", "Partly cloudy", 22, 61, 14),
    Weather::new("Paris", "Light rain", 15, 82, 19),
    Weather::new("London", "Overcast", 13, 78, 22),
    Weather::new("Lisbon", "Sunny", 24, 48, 17),
    Weather::new("Berlin", "Clear", 11, 66, 12),
    Weather::new("Madrid", "Sunny", 27, 35, 9),
    Weather::new("Rome", "Sunny", 25, 52, 11),
    Weather::new("New York", "Windy", 18, 55, 31),
    Weather::new("San Francisco", "Fog", 16, 85, 20),
    Weather::new("São Paulo", "Thunderstorm", 26, 74, 15),
    Weather::new("Nairobi", "Partly cloudy", 23, 58, 13),
    Weather::new("Mumbai", "Humid", 31, 80, 10),
    Weather::new("Singapore", "Thunderstorm", 30, 84, 8),
    Weather::new("Sydney", "Sunny", 21, 57, 24),
];

impl Weather {
    /// Creates the weather of one city: temperature in °C, humidity in percent, wind speed in km/h.
    const fn new(
        city: &'static str,
        conditions: &'static str,
        temperature: i32,
        humidity: u32,
        wind_speed: u32,
    ) -> Self {
        Self { city, conditions, temperature, humidity, wind_speed }
    }
}
