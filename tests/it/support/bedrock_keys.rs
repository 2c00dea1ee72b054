//! How Bedrock checks an API key that is a signed request. It is written after AWS's description of signature version 4, and
//! does not use the SDK that has signed it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use reqwest::Url;
use sha2::{Digest as _, Sha256};

/// The longest time for which a key may be valid, in seconds.
const LONGEST_S: u64 = 12 * 3600;

/// The role of a function, as Bedrock knows it.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    pub(crate) access_key_id: &'static str,
    pub(crate) secret_access_key: &'static str,
    pub(crate) session_token: &'static str,
    /// The region whose endpoint checks the key.
    pub(crate) region: &'static str,
}

impl Role {
    /// Returns the variables of a function that has this role.
    pub(crate) fn variables(&self) -> [(&'static str, &'static str); 4] {
        [
            ("AWS_ACCESS_KEY_ID", self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key),
            ("AWS_SESSION_TOKEN", self.session_token),
            ("AWS_REGION", self.region),
        ]
    }

    /// Checks the key in the headers of a request that comes at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with the key.
    pub(crate) fn check(&self, headers: &HeaderMap, now: u64) -> Result<(), String> {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let key = header.and_then(|value| value.strip_prefix("Bearer bedrock-api-key-"));
        let request =
            BASE64_STANDARD.decode(key.ok_or("there is no key")?).map_err(|error| error.to_string())?;
        let request = String::from_utf8(request).map_err(|error| error.to_string())?;
        let signed = request.strip_suffix("&Version=1").ok_or("the version is missing")?;
        let query = signed.strip_prefix("bedrock.amazonaws.com/?").ok_or("it is not for Bedrock")?;
        let url = Url::parse(&format!("https://{signed}")).map_err(|error| error.to_string())?;
        let parameters: BTreeMap<String, String> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let parameter = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();

        let date = parameter("X-Amz-Date");
        let day = date.split('T').next().unwrap_or_default();
        let scope = format!("{day}/{}/bedrock/aws4_request", self.region);
        for (name, expected) in [
            ("Action", "CallWithBearerToken"),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &format!("{}/{scope}", self.access_key_id)),
            ("X-Amz-SignedHeaders", "host"),
            ("X-Amz-Security-Token", self.session_token),
        ] {
            if parameter(name) != expected {
                return Err(format!("{name} is {:?}", parameter(name)));
            }
        }
        let expires: u64 = parameter("X-Amz-Expires").parse().map_err(|_| "it has no lifetime")?;
        let since = seconds(date).ok_or("it has no date")?;
        if expires > LONGEST_S || !(since..since + expires).contains(&now) {
            return Err("it is not valid at this time".into());
        }
        if parameter("X-Amz-Signature") != self.signature(query, date, &scope) {
            return Err("the signature is wrong".into());
        }
        Ok(())
    }

    /// Returns the signature of the request with this query. `scope` says for what it is valid.
    fn signature(&self, query: &str, date: &str, scope: &str) -> String {
        let mut parts: Vec<&str> =
            query.split('&').filter(|part| !part.starts_with("X-Amz-Signature=")).collect();
        parts.sort_unstable();
        let nothing = hex(&Sha256::digest(b""));
        let canonical =
            format!("POST\n/\n{}\nhost:bedrock.amazonaws.com\n\nhost\n{nothing}", parts.join("&"));
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(&canonical)));
        let first = format!("AWS4{}", self.secret_access_key).into_bytes();
        let key = scope.split('/').fold(first, |key, part| mac(&key, part));
        hex(&mac(&key, &text))
    }
}

/// Returns the HMAC-SHA256 of a text.
fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Writes bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Returns the seconds since 1970 of a date such as `20261127T120000Z`; `None` if it is not one.
fn seconds(date: &str) -> Option<u64> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    // The year begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?)
}

#[test]
fn a_date_is_read_as_seconds() {
    for (date, expected) in [
        ("19700101T000000Z", Some(0)),
        ("20240229T235959Z", Some(1_709_251_199)),
        ("20261127T120000Z", Some(1_795_780_800)),
        ("today", None),
    ] {
        assert_eq!(seconds(date), expected, "{date}");
    }
}
