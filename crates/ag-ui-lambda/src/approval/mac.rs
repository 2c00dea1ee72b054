//! The bytes that signatures and digests are computed over.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::keys::SigningKey;
use crate::auth::Principal;

/// An unambiguous input for a MAC or a digest: each field is tagged and has its length before it.
///
/// Two different lists of fields never give the same bytes, whatever the fields contain.
pub(super) struct MacInput(Vec<u8>);

impl MacInput {
    /// Begins an input with a label that names its purpose, so that bytes for one purpose are never valid for another
    /// one.
    pub(super) fn new(label: &str) -> Self {
        let mut input = Self(Vec::new());
        input.put(label);
        input
    }

    /// Appends a field that is always present, after its length.
    pub(super) fn put(&mut self, field: impl AsRef<[u8]>) {
        let field = field.as_ref();
        self.0.push(1);
        self.0.extend((field.len() as u64).to_be_bytes());
        self.0.extend(field);
    }

    /// Appends the fields of a principal: its source, issuer, organization and user.
    pub(super) fn put_principal(&mut self, Principal { source, issuer, org, user }: &Principal) {
        self.put(source);
        for field in [issuer, org, user] {
            self.put_optional(field.as_deref());
        }
    }

    /// Appends a field that may be absent. `None` and an empty text give different bytes.
    fn put_optional(&mut self, field: Option<&str>) {
        match field {
            Some(field) => self.put(field),
            None => self.0.push(0),
        }
    }

    /// Computes the SHA-256 digest of the input.
    pub(super) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// Computes the HMAC-SHA256 of the input with this key.
    pub(super) fn hmac_sha256(&self, key: &SigningKey) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes a key of any length");
        mac.update(&self.0);
        mac.finalize().into_bytes().into()
    }
}

/// Encodes bytes as URL-safe Base64 without padding.
pub(super) fn encode_base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes URL-safe Base64 without padding; `None` if the text is not that.
pub(super) fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes URL-safe Base64 without padding to text; `None` if the text is not that, or the bytes are not UTF-8.
pub(super) fn decode_base64url_text(text: &str) -> Option<String> {
    String::from_utf8(decode_base64url(text)?).ok()
}
