//! What the library, `ag-ui-dev doctor` and `make deploy` know of models is the same. Neither of the last two depends on the
//! library, so each has its own copy: the adapters, and the prefixes of Bedrock's inference profiles.

use std::collections::BTreeSet;
use std::path::Path;

use structure::text;

const LIBRARY: &str = "crates/ag-ui-lambda/src/model/http/provider.rs";
const DOCTOR: &str = "crates/ag-ui-dev/src/doctor/models.rs";
const DOCTOR_ACCESS: &str = "crates/ag-ui-dev/src/doctor/model_access.rs";
const DEPLOY: &str = "scripts/deploy/models.py";
/// The adapters that are in no table of the library, because each is a module of its own.
const OTHER_ADAPTERS: [&str; 2] = ["bedrock", "scripted"];

/// Returns the text of a file between two texts, the first of which it has once.
fn between(file: &str, begin: &str, end: &str) -> String {
    let text = text(Path::new(file)).unwrap_or_else(|| panic!("{file} can be read"));
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{file} has {begin:?}"));
    let (found, _) = rest.split_once(end).unwrap_or_else(|| panic!("{file} has {end:?} after {begin:?}"));
    found.to_owned()
}

/// Returns the texts in quotation marks that are names in lower case, such as adapters.
fn names(code: &str) -> BTreeSet<String> {
    let is_name = |text: &&str| {
        text.chars().all(|character| character.is_ascii_lowercase() || character == '-') && !text.is_empty()
    };
    code.split('"').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect()
}

/// Returns the names of environment variables that end in `_API_KEY`.
fn key_variables(code: &str) -> BTreeSet<String> {
    code.split('"').filter(|text| text.ends_with("_API_KEY")).map(str::to_owned).collect()
}

#[test]
fn doctor_and_make_deploy_know_the_adapters_of_the_library() {
    let table = between(LIBRARY, "providers! {", "};");
    let lines: Vec<&str> = table.lines().filter(|line| line.trim_start().starts_with('"')).collect();
    let mut adapters = names(&lines.join("\n"));
    adapters.extend(OTHER_ADAPTERS.map(str::to_owned));
    assert!(adapters.len() > 15 && adapters.contains("openai-responses"), "{adapters:?}");

    let doctor = between(DOCTOR, "const ADAPTERS", "];");
    assert_eq!(names(&doctor), adapters, "{DOCTOR} has the adapters of {LIBRARY}");
    assert_eq!(key_variables(&doctor), key_variables(&table), "{DOCTOR} has the variables of {LIBRARY}");
    let deploy = between(DEPLOY, "_WITHOUT_KEY = (", "FORM = ");
    assert_eq!(names(&deploy), adapters, "{DEPLOY} has the adapters of {LIBRARY}");
}

#[test]
fn doctor_and_make_deploy_know_the_same_inference_profiles() {
    let doctor = names(&between(DOCTOR_ACCESS, "const PROFILES", "];"));
    let deploy = between(DEPLOY, "_PROFILE = re.compile(r\"(", ")");
    let deploy: BTreeSet<String> = deploy.split('|').map(str::to_owned).collect();

    assert!(doctor.contains("us-gov"), "{doctor:?}");
    assert_eq!(doctor, deploy);
}
