//! The secrets of a developer's own machine: made once for a folder, so that a page and a pending approval survive a
//! restart.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::ServerError;

const FILE: &str = "ag-ui-local.json";

/// The secrets of a developer's own machine. They protect nothing but the development server.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Secrets {
    /// The shared token, which is also the key of the server's own routes.
    pub token: String,
    /// The key that signs approvals.
    pub approval_key: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets { .. }")
    }
}

impl Secrets {
    /// Reads the secrets in a folder, or makes them there, in a file that only this user may read.
    ///
    /// # Errors
    /// [`ServerError::Secrets`] when the file can't be read, can't be written, or holds something else.
    pub fn load(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(FILE);
        let failed = |source| ServerError::Secrets { path: path.display().to_string(), source };
        match fs::read(&path) {
            Ok(text) => {
                let secrets = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
                // Somebody may have copied it.
                fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
                Ok(secrets)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secrets = Self::generate();
                match secrets.save(folder, &path) {
                    // Another server has just made it.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(folder),
                    saved => saved.map(|()| secrets).map_err(failed),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Secrets that nobody knows, kept nowhere.
    pub fn generate() -> Self {
        let random = || Uuid::new_v4().simple().to_string();
        Self { token: random(), approval_key: random() + &random() }
    }

    fn save(&self, folder: &Path, path: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        // Written beside it first: who reads it meanwhile finds nothing or all.
        let draft = path.with_extension(format!("{}.tmp", Uuid::new_v4()));
        write_private(&draft, &serde_json::to_vec(self)?)?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        linked
    }
}

/// Writes a new file, or a file anew, that only this user may read.
pub(super) fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)
}

/// The folder that the secrets of a program's builds lie in: the `target` folder that has built the program, else one in
/// the current folder.
pub fn state_folder(program: &Path) -> PathBuf {
    let has_tag = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    program.ancestors().skip(1).find(has_tag).map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("ag-ui-dev-{}", Uuid::new_v4()))
    }

    #[test]
    fn secrets_are_made_once_and_only_this_user_may_read_them() {
        let folder = folder();
        let made = Secrets::load(&folder).unwrap();

        assert!(Secrets::load(&folder).unwrap() == made, "a restart finds the same");
        assert!(made.token.len() >= 32 && made.approval_key.len() >= 32 && made.token != made.approval_key);
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_and_not_replaced() {
        let folder = folder();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(FILE), "{}").unwrap();

        let error = Secrets::load(&folder).unwrap_err();

        assert!(error.to_string().contains(FILE), "{error}");
        assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), "{}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_state_is_in_the_target_folder_of_the_program() {
        let folder = folder();
        fs::create_dir_all(folder.join("debug")).unwrap();
        fs::write(folder.join("CACHEDIR.TAG"), "").unwrap();

        assert_eq!(state_folder(&folder.join("debug/program")), folder);
        assert_eq!(state_folder(Path::new("/nowhere/program")), Path::new("target"));
        fs::remove_dir_all(folder).unwrap();
    }
}
