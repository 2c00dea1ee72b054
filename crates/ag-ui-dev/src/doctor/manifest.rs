//! What cargo says about the project: its packages, their programs, and the folder whose Cargo.toml has the profiles.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::machine::Machine;
use super::versions::Version;

/// What cargo says about the project.
#[derive(Debug)]
pub(super) struct Manifest {
    packages: Vec<Package>,
    /// The folder whose Cargo.toml has the profiles.
    pub(super) workspace: PathBuf,
}

/// A package of the workspace.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    folder: PathBuf,
    programs: Vec<String>,
    rust_version: Option<Version>,
}

impl Manifest {
    /// Asks cargo about the project in the folder of the machine; `None` if it has no Cargo.toml.
    ///
    /// # Errors
    /// Returns what cargo does not accept, or that it is not installed.
    pub(super) async fn read(machine: &Machine) -> Option<Result<Self, String>> {
        machine.folder().join("Cargo.toml").is_file().then_some(())?;
        let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
        let text = match machine.output("cargo", &arguments).await {
            None => return Some(Err("cargo is missing, so the file was not read".to_owned())),
            Some(text) => text,
        };
        Some(
            text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
                .map(|value| Self::parse(&value)),
        )
    }

    /// Reads the answer of `cargo metadata`.
    fn parse(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let packages = metadata["packages"].as_array().into_iter().flatten().map(|package| {
            let targets = package["targets"].as_array().into_iter().flatten();
            let is_program = |target: &&Value| {
                target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
            };
            Package {
                name: text(&package["name"]),
                version: text(&package["version"]),
                folder: Path::new(&text(&package["manifest_path"]))
                    .parent()
                    .map(Path::to_owned)
                    .unwrap_or_default(),
                programs: targets.filter(is_program).map(|target| text(&target["name"])).collect(),
                rust_version: package["rust_version"].as_str().and_then(Version::parse),
            }
        });
        Self { packages: packages.collect(), workspace: text(&metadata["workspace_root"]).into() }
    }

    /// Returns the version of Rust that the project needs; `None` if it names none.
    pub(super) fn rust_version(&self) -> Option<Version> {
        self.packages.iter().filter_map(|package| package.rust_version).max()
    }

    /// Returns the programs that cargo can build in a folder: those of its package, or of all packages if the folder is that
    /// of a workspace without a package. `None` if cargo knows nothing about the folder.
    pub(super) fn programs(&self, folder: &Path) -> Option<Vec<&str>> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let same = |other: &Path| other.canonicalize().is_ok_and(|other| other == folder);
        let package = self.packages.iter().find(|package| same(&package.folder));
        let packages: Vec<&Package> = match package {
            Some(package) => vec![package],
            None if same(&self.workspace) => self.packages.iter().collect(),
            None => return None,
        };
        let mut programs: Vec<&str> =
            packages.into_iter().flat_map(|package| &package.programs).map(String::as_str).collect();
        programs.sort_unstable();
        Some(programs)
    }

    /// Says which package is in a folder, or how many the workspace has.
    pub(super) fn describe(&self, folder: &Path) -> String {
        let folder = folder.canonicalize().ok();
        match self.packages.iter().find(|package| package.folder.canonicalize().ok() == folder) {
            Some(package) => format!("{} {}", package.name, package.version),
            None => format!("a workspace with {} packages", self.packages.len()),
        }
    }
}
