//! The origins whose pages may call the function.

use super::vars::Variables;
use crate::endpoint::CorsOrigins;

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads the origins whose pages may call the function. An unusable entry is reported by its text, which is no secret.
    pub(super) fn cors_origins(&mut self) -> CorsOrigins {
        const VARIABLE: &str = "AGUI_CORS_ORIGINS";
        const OLDER_VARIABLE: &str = "AGUI_ALLOWED_ORIGIN";
        let mut origins = self.list(VARIABLE);
        let unusable: Vec<_> = origins.iter().filter_map(|origin| CorsOrigins::new([origin]).err()).collect();
        for error in unusable {
            self.report(VARIABLE, format!("has an entry that cannot be used: {error}"));
        }
        if let Some(origin) = self.text(OLDER_VARIABLE) {
            if CorsOrigins::new([&origin]).is_err() {
                self.report(OLDER_VARIABLE, "must be `*` or one origin, such as https://app.example.com");
            }
            origins.push(origin);
        }
        CorsOrigins::new(origins).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    fn origins(variables: &[(&str, &str)]) -> Result<CorsOrigins, String> {
        let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
        let config = read(&[&base[..], variables].concat());
        config.map(|config| config.cors_origins).map_err(|error| error.to_string())
    }

    #[test]
    fn origins_are_a_list_with_the_older_variable() {
        let (a, b) = ("https://a.example", "http://localhost:3000");
        for (variables, expected) in [
            (vec![], vec![]),
            (vec![("AGUI_CORS_ORIGINS", "*")], vec!["*"]),
            (vec![("AGUI_CORS_ORIGINS", "https://a.example, http://localhost:3000")], vec![a, b]),
            (vec![("AGUI_ALLOWED_ORIGIN", a)], vec![a]),
            (vec![("AGUI_ALLOWED_ORIGIN", "*")], vec!["*"]),
            (vec![("AGUI_CORS_ORIGINS", a), ("AGUI_ALLOWED_ORIGIN", b)], vec![a, b]),
        ] {
            assert_eq!(origins(&variables), Ok(CorsOrigins::new(expected).unwrap()), "{variables:?}");
        }
    }

    #[test]
    fn error_names_the_entry_that_is_no_origin() {
        for (value, entry) in [
            ("ftp://x", "ftp://x"),
            ("https://a.example,https://b.example/chat", "https://b.example/chat"),
            ("https://a.example/", "https://a.example/"),
            ("*,null", "null"),
        ] {
            let error = origins(&[("AGUI_CORS_ORIGINS", value)]).unwrap_err();
            let expected =
                format!("AGUI_CORS_ORIGINS has an entry that cannot be used: `{entry}` is not an origin");
            assert!(error.starts_with(&expected), "{error}");
        }
        for value in ["https://a.example,https://b.example", "https://a.example/chat", "app.example.com"] {
            let error = origins(&[("AGUI_ALLOWED_ORIGIN", value)]).unwrap_err();
            assert!(error.starts_with("AGUI_ALLOWED_ORIGIN must be `*` or one origin"), "{error}");
        }
    }
}
