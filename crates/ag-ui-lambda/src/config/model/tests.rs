use secrecy::ExposeSecret as _;

use super::*;
use crate::config::ConfigError;
use crate::config::tests::read;

const TOKEN: (&str, &str) = ("AGUI_TOKEN_SECRET_ID", "token");

fn models(variables: &[(&str, &str)]) -> Result<ModelConfig, ConfigError> {
    read(&[&[TOKEN], variables].concat()).map(|config| config.models)
}

#[test]
fn models_keep_their_order_and_split_at_first_slash() {
    let list = "bedrock/arn:aws:bedrock:eu-west-1:1:inference-profile/eu.m, openai/o/p, ollama/q";
    let models = models(&[
        ("AGUI_MODEL", list),
        ("AGUI_MODEL_SECRET_ID", "keys"),
        ("OPENAI_BASE_URL", "http://localhost:4010/v1"),
    ])
    .unwrap();

    let [ModelName::Bedrock { model: profile }, openai, ollama] = models.names.as_slice() else {
        panic!("{:?}", models.names)
    };
    assert_eq!(profile, "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.m");
    let ModelName::Http { model, base_url, key: KeySource::Secret("OPENAI_API_KEY"), .. } = openai else {
        panic!("{openai:?}")
    };
    assert_eq!((model.as_str(), base_url.as_deref()), ("o/p", Some("http://localhost:4010/v1")));
    assert!(matches!(ollama, ModelName::Http { key: KeySource::None, base_url: None, .. }));
}

#[test]
fn models_of_mantle_have_the_address_and_the_key_of_the_region() {
    let list = "mantle/openai.gpt-oss-120b,mantle-responses/openai.gpt-5.5";
    let of_role =
        models(&[("AGUI_MODEL", list), ("AWS_REGION", "us-east-2"), ("AGUI_MODEL_SECRET_ID", "keys")])
            .unwrap();
    for (name, path) in of_role.names.iter().zip(["v1", "openai/v1"]) {
        let ModelName::Http { base_url: Some(url), key: KeySource::Bedrock { region }, .. } = name else {
            panic!("{name:?}")
        };
        assert_eq!(*url, format!("https://bedrock-mantle.us-east-2.api.aws/{path}"));
        assert_eq!(region, "us-east-2");
    }

    let set = models(&[
        ("AGUI_MODEL", "mantle/m"),
        ("AWS_DEFAULT_REGION", "us-east-2"),
        ("AWS_BEDROCK_BASE_URL", "https://proxy.example/v1"),
        ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-1"),
    ])
    .unwrap();
    let ModelName::Http { base_url: Some(url), key: KeySource::Literal(key), .. } = &set.names[0] else {
        panic!("{set:?}")
    };
    assert_eq!((url.as_str(), key.expose_secret()), ("https://proxy.example/v1", "bedrock-api-key-1"));
    assert!(!format!("{set:?}").contains("bedrock-api-key-1"));
}

#[test]
fn plain_http_is_for_this_machine_and_for_trusted_networks() {
    for (address, allow_http) in [
        ("http://localhost:1/v1", "0"),
        ("http://127.0.0.1:1/v1", "0"),
        ("http://127.8.0.1/v1", "0"),
        ("http://[::1]:1/v1", "0"),
        ("https://models.example/v1", "0"),
        ("http://models.example/v1", "1"),
        ("http://vllm.internal/v1", "1"),
    ] {
        let read = models(&[
            ("AGUI_MODEL", "openai/m"),
            ("OPENAI_API_KEY", "key"),
            ("OPENAI_BASE_URL", address),
            ("AGUI_MODEL_ALLOW_HTTP", allow_http),
        ]);
        assert!(read.is_ok(), "{address}: {read:?}");
    }
}

#[test]
fn key_variable_is_preferred_to_secret_and_not_printed() {
    let models = models(&[
        ("AGUI_MODEL", "anthropic/m"),
        ("AGUI_MODEL_SECRET_ID", "keys"),
        ("ANTHROPIC_API_KEY", "sk-ant-1"),
    ])
    .unwrap();

    let ModelName::Http { key: KeySource::Literal(key), .. } = &models.names[0] else { panic!() };
    assert_eq!(key.expose_secret(), "sk-ant-1");
    assert!(!format!("{models:?}").contains("sk-ant-1"));
}

#[test]
fn model_settings_are_read_and_have_no_defaults() {
    let none = models(&[("AGUI_MODEL", "scripted/demo")]).unwrap();
    assert_eq!(none.settings, ModelSettings::default());
    assert_eq!((none.idle_timeout.as_secs(), none.guardrail, none.prompt_cache), (60, None, None));

    let all = models(&[
        ("AGUI_MODEL", "bedrock/m"),
        ("AGUI_MODEL_TEMPERATURE", "0.5"),
        ("AGUI_MODEL_MAX_TOKENS", "1000"),
        ("AGUI_MODEL_THINKING_TOKENS", "2000"),
        ("AGUI_MODEL_TOOL_CHOICE", "get_weather"),
        ("AGUI_MODEL_STOP", r#"["END","\n\n"]"#),
        ("AGUI_MODEL_THINK_TAGS", "on"),
        ("AGUI_MODEL_IDLE_TIMEOUT_S", "5"),
        ("AGUI_BEDROCK_GUARDRAIL_ID", "g-1"),
        ("AGUI_BEDROCK_PROMPT_CACHE", "off"),
    ])
    .unwrap();
    assert_eq!(
        all.settings,
        ModelSettings {
            temperature: Some(0.5),
            max_tokens: Some(1000),
            thinking_tokens: Some(2000),
            tool_choice: ToolChoice::Tool("get_weather".into()),
            stop: vec!["END".into(), "\n\n".into()],
            think_tags: ThinkTags::On,
        }
    );
    assert_eq!((all.idle_timeout.as_secs(), all.prompt_cache), (5, Some(false)));
    assert_eq!(all.guardrail, Some(Guardrail { id: "g-1".into(), version: "DRAFT".into() }));
}

#[test]
fn settings_with_several_forms_are_read_in_each() {
    let settings = |variable: &'static str, value: &'static str| {
        models(&[("AGUI_MODEL", "scripted/demo"), (variable, value)]).unwrap().settings
    };
    for (value, expected) in [
        ("END", &["END"][..]),
        ("[END]", &["[END]"]),
        ("[/INST]", &["[/INST]"]),
        ("[\"a", &["[\"a"]),
        ("\"END\"", &["\"END\""]),
        (r#"["[END]"]"#, &["[END]"]),
    ] {
        assert_eq!(settings("AGUI_MODEL_STOP", value).stop, expected, "{value}");
    }
    for (value, expected) in [("on", ThinkTags::On), ("open", ThinkTags::Open), ("off", ThinkTags::Off)] {
        assert_eq!(settings("AGUI_MODEL_THINK_TAGS", value).think_tags, expected, "{value}");
    }
}

#[test]
fn unusable_model_setting_is_reported_with_its_choices() {
    let demo = ("AGUI_MODEL", "scripted/demo");
    for (why, variables, variable, problem) in [
        ("no model", vec![], "AGUI_MODEL", "scripted, bedrock, openai, openai-responses, anthropic, gemini"),
        ("no such adapter", vec![("AGUI_MODEL", "psychic/m")], "AGUI_MODEL", "scripted, bedrock, openai"),
        (
            "a misspelt adapter",
            vec![("AGUI_MODEL", "opnai/m")],
            "AGUI_MODEL",
            "opnai (did you mean openai?); the",
        ),
        ("no such script", vec![("AGUI_MODEL", "scripted/x")], "AGUI_MODEL", "scripted/demo"),
        ("no adapter", vec![("AGUI_MODEL", "gpt-5")], "AGUI_MODEL", "<adapter>/<model id>"),
        ("no id", vec![("AGUI_MODEL", "openai/")], "AGUI_MODEL", "<adapter>/<model id>"),
        (
            "one of two is unknown",
            vec![("AGUI_MODEL", "scripted/demo,x/y")],
            "AGUI_MODEL",
            "names an unknown adapter, x",
        ),
        ("no region", vec![("AGUI_MODEL", "mantle/m")], "AWS_REGION", "the adapter mantle"),
        ("no key", vec![("AGUI_MODEL", "openai/gpt-5")], "OPENAI_API_KEY", "AGUI_MODEL_SECRET_ID"),
        ("too hot", vec![demo, ("AGUI_MODEL_TEMPERATURE", "3")], "AGUI_MODEL_TEMPERATURE", "from 0 to 2"),
        ("no token", vec![demo, ("AGUI_MODEL_MAX_TOKENS", "0")], "AGUI_MODEL_MAX_TOKENS", "1 or more"),
        ("no texts", vec![demo, ("AGUI_MODEL_STOP", "[1]")], "AGUI_MODEL_STOP", "1 to 4 texts"),
        ("an empty text", vec![demo, ("AGUI_MODEL_STOP", r#"["a",""]"#)], "AGUI_MODEL_STOP", "not empty"),
        ("a maybe", vec![demo, ("AGUI_MODEL_THINK_TAGS", "yes")], "AGUI_MODEL_THINK_TAGS", "`on`"),
        ("no time", vec![demo, ("AGUI_MODEL_IDLE_TIMEOUT_S", "0")], "AGUI_MODEL_IDLE_TIMEOUT_S", "from 1"),
        (
            "a version of nothing",
            vec![demo, ("AGUI_BEDROCK_GUARDRAIL_VERSION", "1")],
            "AGUI_BEDROCK_GUARDRAIL_ID",
            "must name",
        ),
        (
            "an unusable version",
            vec![demo, ("AGUI_BEDROCK_GUARDRAIL_ID", "g-1"), ("AGUI_BEDROCK_GUARDRAIL_VERSION", "latest")],
            "AGUI_BEDROCK_GUARDRAIL_VERSION",
            "a number or `DRAFT`",
        ),
        (
            "an unusable address, named twice",
            vec![
                ("AGUI_MODEL", "openai/a,openai/b"),
                ("OPENAI_API_KEY", "key"),
                ("OPENAI_BASE_URL", "ftp://api.example"),
            ],
            "OPENAI_BASE_URL",
            "is unusable",
        ),
        (
            "plain http to another machine",
            vec![
                ("AGUI_MODEL", "openai/a"),
                ("OPENAI_API_KEY", "key"),
                ("OPENAI_BASE_URL", "http://10.0.0.5/v1"),
            ],
            "OPENAI_BASE_URL",
            "AGUI_MODEL_ALLOW_HTTP=1",
        ),
        (
            "a host without a scheme, which is plain http",
            vec![("AGUI_MODEL", "ollama/m"), ("OLLAMA_HOST", "gpu-box")],
            "OLLAMA_HOST",
            "AGUI_MODEL_ALLOW_HTTP=1",
        ),
        (
            "a name that only begins like this machine's",
            vec![("AGUI_MODEL", "ollama/m"), ("OLLAMA_HOST", "http://localhost.example:11434")],
            "OLLAMA_HOST",
            "AGUI_MODEL_ALLOW_HTTP=1",
        ),
        ("a maybe", vec![demo, ("AGUI_MODEL_ALLOW_HTTP", "true")], "AGUI_MODEL_ALLOW_HTTP", "`0` or `1`"),
        (
            "an address",
            vec![demo, ("AGUI_MEDIA_HOSTS", "http://a.example")],
            "AGUI_MEDIA_HOSTS",
            "`deny`, or",
        ),
        ("neither", vec![demo, ("AGUI_BEDROCK_PROMPT_CACHE", "yes")], "AGUI_BEDROCK_PROMPT_CACHE", "`on`"),
    ] {
        let error = models(&variables).unwrap_err();
        let [error] = error.variables() else { panic!("{why}: {error}") };
        assert_eq!(error.variable, variable, "{why}");
        assert!(error.problem.contains(problem), "{why}: {error}");
    }
}
