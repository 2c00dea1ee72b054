//! The check of the clock.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;

use super::report::Finding;

/// How far the clocks may differ before tokens are refused.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Compares the clock of this machine with the one of the endpoint. Tokens and signatures are only valid for a time.
pub(super) fn check(head: &HeaderMap, now: SystemTime) -> Finding {
    const CHECK: &str = "clock";
    let date = head
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok());
    let Some(date) = date else { return Finding::skipped(CHECK, "the response has no header Date") };
    let (difference, word) = match now.duration_since(date) {
        Ok(ahead) => (ahead, "ahead"),
        Err(behind) => (behind.duration(), "behind"),
    };
    match difference > CLOCK_TOLERANCE {
        true => Finding::failed(
            CHECK,
            format!(
                "the clock of this machine is {} s {word}, so signatures and JWTs are refused",
                difference.as_secs()
            ),
            "  sudo timedatectl set-ntp true",
        ),
        false => {
            Finding::ok(CHECK, format!("this machine and the endpoint differ by {} s", difference.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn clock_may_differ_by_a_minute() {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let head = HeaderMap::from_iter([(DATE, httpdate::fmt_http_date(date).parse().unwrap())]);
        for (now, expected) in [
            (date + Duration::from_secs(59), None),
            (date - Duration::from_secs(59), None),
            (date + Duration::from_secs(90), Some("90 s ahead")),
            (date - Duration::from_secs(3600), Some("3600 s behind")),
        ] {
            match (check(&head, now).outcome, expected) {
                (Outcome::Ok(_), None) => {}
                (Outcome::Failed { problem, .. }, Some(expected)) => {
                    assert!(problem.contains(expected), "{problem}");
                }
                (outcome, _) => panic!("{outcome:?}"),
            }
        }
        assert!(matches!(check(&HeaderMap::new(), date).outcome, Outcome::Skipped(_)));
    }
}
