//! The signature algorithms that a configuration can name, all of which have a public key.

use std::str::FromStr;

use jsonwebtoken::AlgorithmFamily;

/// Names a signature algorithm that has a public key, as JWTs do. Neither `none` nor an algorithm with a shared key can
/// be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm(pub(super) jsonwebtoken::Algorithm);

impl Algorithm {
    /// The algorithm `RS256`, which is RSASSA-PKCS1-v1_5 with SHA-256.
    pub const RS256: Self = Self(jsonwebtoken::Algorithm::RS256);
    /// The algorithm `ES256`, which is ECDSA with P-256 and SHA-256.
    pub const ES256: Self = Self(jsonwebtoken::Algorithm::ES256);

    /// The algorithms that are accepted if no configuration names any.
    pub(crate) const DEFAULT: [Self; 2] = [Self::RS256, Self::ES256];
}

/// The name of an algorithm that is unknown here or has no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the algorithm is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA")]
#[non_exhaustive]
pub struct UnknownAlgorithmError;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithmError;

    /// Parses the name of an algorithm in JWTs, such as `RS256`. The case counts.
    ///
    /// # Errors
    /// [`UnknownAlgorithmError`] for an unknown name, for `none`, and for an algorithm with a shared key.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match jsonwebtoken::Algorithm::from_str(name) {
            Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => Ok(Self(algorithm)),
            _ => Err(UnknownAlgorithmError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_algorithms_with_a_public_key_are_parsed() {
        for (name, is_known) in [
            ("RS256", true),
            ("ES256", true),
            ("EdDSA", true),
            ("HS256", false),
            ("none", false),
            ("", false),
        ] {
            assert_eq!(name.parse::<Algorithm>().is_ok(), is_known, "{name}");
        }
        assert_eq!("ES256".parse(), Ok(Algorithm::ES256));
    }
}
