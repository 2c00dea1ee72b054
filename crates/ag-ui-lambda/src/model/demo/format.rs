//! The values of JSON Schema's `format`: a sample for each known format, and a check of texts.
//!
//! The checks are made for words of a chat, so that "tomorrow" does not become a date. They are not complete.

/// Returns a text that has this `format` of JSON Schema; `None` for an unknown format, which any text fits.
pub(super) fn sample(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2026-01-15",
        "date-time" => "2026-01-15T09:30:00Z",
        "time" => "09:30:00Z",
        "duration" => "PT1H",
        "email" | "idn-email" => "demo@example.com",
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "url" | "iri" | "uri-reference" | "iri-reference" => "https://example.com/demo",
        "uuid" => "00000000-0000-4000-8000-000000000001",
        _ => return None,
    })
}

/// Returns whether a text has this `format` of JSON Schema. The check is simple and not complete, and every text fits
/// an unknown format.
pub(super) fn has_format(format: &str, text: &str) -> bool {
    match format {
        "date" => is_date(text),
        "time" => is_time(text),
        "date-time" => text.split_once(['T', 't']).is_some_and(|(date, time)| is_date(date) && is_time(time)),
        "duration" => text.starts_with('P') && text.len() > 2,
        "email" | "idn-email" => {
            let is_domain = |domain: &str| is_dotted(domain) && !domain.contains('@');
            text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && is_domain(domain))
                && !text.contains(char::is_whitespace)
        }
        "hostname" | "idn-hostname" => is_dotted(text) || is_label(text),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "uri" | "url" | "iri" => {
            let is_scheme = |scheme: &str| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            };
            text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
                && !text.contains(char::is_whitespace)
        }
        "uri-reference" | "iri-reference" => !text.contains(char::is_whitespace),
        "uuid" => {
            let is_group = |(group, length): (&str, usize)| {
                group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit())
            };
            text.split('-').count() == 5 && text.split('-').zip([8, 4, 4, 4, 12]).all(is_group)
        }
        _ => true,
    }
}

/// Returns whether a text is one label of a domain name: letters, digits and `-`.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '-')
}

/// Returns whether a text is a domain name of at least two labels.
fn is_dotted(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_label)
}

/// Returns whether a text consists of three numbers with `separator` between them. Each entry of `parts` is the number
/// of digits, the minimum and the maximum of one number.
fn are_numbers_in_range(text: &str, separator: char, parts: [(usize, u32, u32); 3]) -> bool {
    let is_part = |(part, (length, least, most)): (&str, (usize, u32, u32))| {
        part.len() == length
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse().is_ok_and(|number: u32| (least..=most).contains(&number))
    };
    text.split(separator).count() == parts.len() && text.split(separator).zip(parts).all(is_part)
}

/// Returns whether a text is a date such as `2026-01-15` that exists in the calendar.
fn is_date(text: &str) -> bool {
    let days = |text: &str| -> Option<bool> {
        let [year, month, day] = [text.get(..4)?, text.get(5..7)?, text.get(8..)?];
        let (year, day): (u32, u32) = (year.parse().ok()?, day.parse().ok()?);
        let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        Some(match month {
            "02" => day <= 28 + u32::from(is_leap),
            "04" | "06" | "09" | "11" => day <= 30,
            _ => true,
        })
    };
    are_numbers_in_range(text, '-', [(4, 0, 9999), (2, 1, 12), (2, 1, 31)]) && days(text) == Some(true)
}

/// Returns whether a text is a time of day with a zone, such as `09:30:00Z` or `09:30:00.5+01:00`.
fn is_time(text: &str) -> bool {
    let clock = |clock: &str| are_numbers_in_range(clock, ':', [(2, 0, 23), (2, 0, 59), (2, 0, 59)]);
    let zone = |zone: &str| {
        matches!(zone, "Z" | "z")
            || zone.strip_prefix(['+', '-']).is_some_and(|offset| clock(&format!("{offset}:00")))
    };
    let Some((time, rest)) = text.split_at_checked(8) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
        None => rest,
    };
    clock(time) && zone(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_has_its_format() {
        for format in [
            "date",
            "date-time",
            "time",
            "duration",
            "email",
            "hostname",
            "ipv4",
            "ipv6",
            "uri",
            "uri-reference",
            "uuid",
        ] {
            assert!(has_format(format, sample(format).unwrap()), "{format}");
        }
        assert_eq!(sample("unheard-of"), None);
        assert!(has_format("unheard-of", "anything"));
    }

    #[test]
    fn other_texts_do_not_have_the_format() {
        for (format, text) in [
            ("date", "tomorrow"),
            ("date", "2026-13-01"),
            ("date", "2025-02-29"),
            ("date-time", "2026-01-15"),
            ("date-time", "2026-01-15T25:00:00Z"),
            ("time", "09:30:00.Z"),
            ("email", "me at home"),
            ("email", "a@b"),
            ("uri", "example"),
            ("uuid", "1234"),
            ("ipv4", "1.2.3"),
        ] {
            assert!(!has_format(format, text), "{format} {text}");
        }
    }
}
