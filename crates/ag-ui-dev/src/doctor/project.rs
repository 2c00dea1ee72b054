//! The project in the current folder, as its files describe it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::machine::Machine;
use super::manifest::Manifest;
use super::samconfig::SamConfig;
use super::template::Template;

/// The files of the project. Each part that is not there, or that cannot be read, says so.
pub(super) struct Project {
    /// What cargo says about the project; `None` without Cargo.toml.
    pub(super) manifest: Option<Result<Manifest, String>>,
    /// template.yaml; `None` if it is missing.
    pub(super) template: Option<Result<Template, String>>,
    /// The templates in deploy/ that can be read.
    pub(super) more_templates: Vec<Template>,
    /// samconfig.toml; `None` if it is missing.
    pub(super) samconfig: Option<Result<SamConfig, String>>,
    /// The folders with a package.json, at most two levels below the project.
    pub(super) pages: Vec<PathBuf>,
    /// Whether the project has the files of `make deploy`.
    pub(super) has_make_deploy: bool,
}

impl Project {
    /// Reads the project in the folder of the machine, for an environment of samconfig.toml.
    pub(super) async fn read(machine: &Machine, environment: &str) -> Self {
        let folder = machine.folder();
        let samconfig = std::fs::read_to_string(folder.join("samconfig.toml")).ok();
        let samconfig = samconfig.map(|text| SamConfig::read(&text, environment));
        let overrides = match &samconfig {
            Some(Ok(config)) => config.parameters(),
            _ => HashMap::new(),
        };
        let files = std::fs::read_dir(folder.join("deploy")).into_iter().flatten().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| file.file_name().into_string().ok())
            .filter(|name| name.ends_with(".yaml"))
            .map(|name| format!("deploy/{name}"))
            .collect();
        names.sort();
        let more_templates =
            names.iter().filter_map(|name| Template::read(folder, name, &HashMap::new())?.ok());
        Self {
            manifest: Manifest::read(machine).await,
            template: Template::read(folder, "template.yaml", &overrides),
            more_templates: more_templates.collect(),
            samconfig,
            pages: pages(folder.to_owned()),
            has_make_deploy: folder.join("scripts/deploy/deploy.mk").is_file(),
        }
    }

    /// Returns template.yaml, if it can be read.
    pub(super) fn template(&self) -> Option<&Template> {
        self.template.as_ref()?.as_ref().ok()
    }

    /// Returns samconfig.toml, if it can be read.
    pub(super) fn samconfig(&self) -> Option<&SamConfig> {
        self.samconfig.as_ref()?.as_ref().ok()
    }

    /// Returns all templates that can be read.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.template().into_iter().chain(&self.more_templates)
    }

    /// Returns a parameter of template.yaml as it would be deployed.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.template()?.parameter(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
impl Project {
    /// Returns a project that has only a template with this text.
    pub(super) fn of_template(text: &str) -> Self {
        Self {
            manifest: None,
            template: Some(Template::parse("template.yaml", text, &HashMap::new())),
            more_templates: Vec::new(),
            samconfig: None,
            pages: Vec::new(),
            has_make_deploy: false,
        }
    }
}

/// Returns the folders with a package.json, at most two levels below this one. Folders that are installed, built or hidden are
/// left out.
fn pages(folder: PathBuf) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut level = vec![folder];
    for _ in 0..=2 {
        let mut next = Vec::new();
        for folder in level {
            if folder.join("package.json").is_file() {
                pages.push(folder.clone());
            }
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let is_own =
                |name: &str| !name.starts_with('.') && !["node_modules", "target", "dist"].contains(&name);
            next.extend(
                folders
                    .filter(|entry| entry.file_name().to_str().is_some_and(is_own))
                    .map(|entry| entry.path()),
            );
        }
        level = next;
    }
    pages.sort();
    pages
}
