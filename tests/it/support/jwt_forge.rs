//! Makes forged JWTs: each is a genuine one with one change.

use ag_ui_dev::Issuer;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm::{self, ES256, HS256, RS256};
use jsonwebtoken::jwk::AlgorithmParameters;
use jsonwebtoken::{EncodingKey, crypto, get_current_timestamp};
use serde_json::{Value, json};

/// Makes genuine tokens of an issuer, and tokens that look like them.
pub(crate) struct JwtForge<'a> {
    /// The issuer that the function trusts.
    pub(crate) issuer: &'a Issuer,
    /// An issuer that the function does not know.
    pub(crate) unknown_issuer: &'a Issuer,
    pub(crate) now: u64,
    audience: &'static str,
}

/// Encodes bytes as tokens do: base64url without padding.
pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns an object with these members replaced or added. A member that is null is removed.
pub(crate) fn edited(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    object
}

impl<'a> JwtForge<'a> {
    /// Creates a forge for tokens with this audience.
    pub(crate) fn new(issuer: &'a Issuer, mallory: &'a Issuer, audience: &'static str) -> Self {
        Self { issuer, unknown_issuer: mallory, now: get_current_timestamp(), audience }
    }

    /// Returns claims that the function accepts.
    pub(crate) fn claims(&self) -> Value {
        json!({"iss": self.issuer.url(), "aud": self.audience, "sub": "ada-lovelace", "exp": self.now + 600})
    }

    /// Returns the accepted claims as JSON text, in which the value of `exp` is the text `exp`, valid or not.
    pub(crate) fn claims_with_exp(&self, exp: &str) -> String {
        let claims = edited(self.claims(), json!({ "exp": null })).to_string();
        claims.replacen('{', &format!("{{\"exp\":{exp},"), 1)
    }

    /// Returns the members of a header that the function accepts, for the issuer's key of this algorithm.
    pub(crate) fn header_members(&self, algorithm: Algorithm) -> Value {
        json!({"alg": algorithm, "typ": "JWT", "kid": self.issuer.public_key(algorithm).common.key_id})
    }

    /// Returns a header that the function accepts, as JSON text.
    pub(crate) fn header(&self, algorithm: Algorithm) -> String {
        self.header_members(algorithm).to_string()
    }

    /// Returns a token that the function accepts.
    pub(crate) fn genuine(&self) -> String {
        self.with_claims(json!({}))
    }

    /// Returns a correctly signed token whose claims differ from the accepted ones by `changes`.
    pub(crate) fn with_claims(&self, changes: Value) -> String {
        self.es256(&self.header(ES256), &edited(self.claims(), changes).to_string())
    }

    /// Returns a correctly signed token whose header differs from the accepted one by `changes`.
    pub(crate) fn with_header(&self, changes: Value) -> String {
        self.es256(&edited(self.header_members(ES256), changes).to_string(), &self.claims().to_string())
    }

    /// Returns a token with exactly this header and payload, which the issuer has signed with ES256.
    pub(crate) fn es256(&self, header: &str, payload: &str) -> String {
        self.issuer.sign_text(ES256, header, payload).unwrap()
    }

    /// Returns a token whose header differs from the accepted one by `changes` and whose signature is empty.
    pub(crate) fn unsigned(&self, changes: Value) -> String {
        let header = edited(self.header_members(ES256), changes);
        format!("{}.{}.", base64(header.to_string()), base64(self.claims().to_string()))
    }

    /// Returns a token that names the issuer's RSA key but is signed by HMAC with `secret`, such as the public key. A
    /// verifier must not accept it.
    pub(crate) fn hs256(&self, secret: &[u8]) -> String {
        let header = edited(self.header_members(RS256), json!({"alg": "HS256"}));
        let message = format!("{}.{}", base64(header.to_string()), base64(self.claims().to_string()));
        let signature = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), HS256).unwrap();
        format!("{message}.{signature}")
    }

    /// Splits a token into header, payload and signature.
    pub(crate) fn parts(&self, token: &str) -> [String; 3] {
        let parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
        parts.try_into().unwrap()
    }

    /// Returns the bytes of the signature of a token.
    pub(crate) fn signature(&self, token: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(&self.parts(token)[2]).unwrap()
    }

    /// Encodes an ES256 signature in DER, the format of X.509, which tokens must not use.
    pub(crate) fn der_signature(&self, raw: &[u8]) -> Vec<u8> {
        der(0x30, &[integer(&raw[..32]), integer(&raw[32..])].concat())
    }

    /// Returns the order of the curve P-256. As a part of a signature it is out of range, but would count as 0.
    pub(crate) fn p256_order(&self) -> Vec<u8> {
        let order = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
        BASE64_URL_SAFE_NO_PAD.decode(order).unwrap()
    }

    /// Returns a genuine token whose signature is written in the standard alphabet of Base64, which tokens do not use.
    pub(crate) fn in_standard_alphabet(&self) -> String {
        loop {
            let [header, payload, signature] = self.parts(&self.genuine());
            if signature.contains(['-', '_']) {
                return format!("{header}.{payload}.{}", signature.replace('-', "+").replace('_', "/"));
            }
        }
    }

    /// Returns a genuine token whose last character also sets bits that belong to no byte of the signature. A strict
    /// verifier refuses it.
    pub(crate) fn with_trailing_bits(&self) -> String {
        let mut token = self.genuine();
        let last = token.pop().unwrap();
        // A signature of 64 bytes leaves four bits over, so the last character is one of these.
        let at = "AQgw".find(last).unwrap();
        token.push(['B', 'R', 'h', 'x'][at]);
        token
    }

    /// Returns the modulus of the issuer's RSA key.
    pub(crate) fn rsa_modulus(&self) -> Vec<u8> {
        self.rsa().0
    }

    /// Returns the public RSA key as a SubjectPublicKeyInfo in DER.
    pub(crate) fn rsa_der(&self) -> Vec<u8> {
        let (n, e) = self.rsa();
        let key = der(0x30, &[integer(&n), integer(&e)].concat());
        // rsaEncryption, without parameters.
        let algorithm = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
        der(0x30, &[&algorithm[..], &der(3, &[&[0][..], &key].concat())].concat())
    }

    /// Returns the public RSA key in PEM.
    pub(crate) fn rsa_pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.rsa_der());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// Returns modulus and exponent of the issuer's RSA key, as big-endian bytes.
    fn rsa(&self) -> (Vec<u8>, Vec<u8>) {
        let AlgorithmParameters::RSA(key) = self.issuer.public_key(RS256).algorithm else {
            panic!("an RSA key")
        };
        let decode = |text| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        (decode(key.n), decode(key.e))
    }
}

/// Encodes an unsigned big-endian integer in DER.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap();
    let sign = if bytes[first] & 0x80 == 0 { &[][..] } else { &[0] };
    der(2, &[sign, &bytes[first..]].concat())
}

/// Encodes content in DER under this tag.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}
