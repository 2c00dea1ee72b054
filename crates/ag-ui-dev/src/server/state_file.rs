//! The secrets of a development server. They are generated once for a folder, so that an open page and a pending approval
//! still work after a restart.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::ServerError;

/// The name of the file with the secrets.
const FILE: &str = "ag-ui-local.json";

/// Holds the secrets of a development server. They protect nothing else.
#[expect(clippy::exhaustive_structs, reason = "callers with secrets of their own build it with a literal")]
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct LocalSecrets {
    /// The shared token of the function, which is also the key of the server's own routes.
    pub token: String,
    /// The key with which the function signs approvals.
    pub approval_key: String,
}

impl std::fmt::Debug for LocalSecrets {
    /// Writes no secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets { .. }")
    }
}

impl LocalSecrets {
    /// Reads the secrets from the file `ag-ui-local.json` in a folder. If there is no such file, generates secrets and
    /// writes them to a new file that only this user may read.
    ///
    /// # Errors
    /// [`ServerError::Secrets`] if the file cannot be read or written, or if it does not hold secrets.
    pub fn load(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join(FILE);
        let failed = |source| ServerError::Secrets { path: path.display().to_string(), source };
        match fs::read(&path) {
            Ok(text) => {
                let secrets = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
                // The file may have been copied with other permissions.
                fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
                Ok(secrets)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secrets = Self::generate();
                match secrets.save(folder, &path) {
                    // Another server has just written the file.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(folder),
                    saved => saved.map(|()| secrets).map_err(failed),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Generates random secrets. This function writes no file: [`load`](Self::load) calls it if there is no file yet,
    /// and writes the secrets itself.
    pub fn generate() -> Self {
        let random = || Uuid::new_v4().simple().to_string();
        Self { token: random(), approval_key: random() + &random() }
    }

    /// Creates `folder` and writes the secrets to a new file at `path` in it; an error if the file exists already.
    fn save(&self, folder: &Path, path: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        // A draft comes first, so that another reader finds no file or a complete one.
        let draft = path.with_extension(format!("{}.tmp", Uuid::new_v4()));
        write_private(&draft, &serde_json::to_vec(self)?)?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        linked
    }
}

/// Writes `text` to a file that, if it is new, only this user may read. The content of an existing file is replaced.
/// This is for the file of local secrets and for the file with the server's address and key.
pub(super) fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)
}

/// Returns the folder for the files of a program's development server: the `target` folder of cargo that the program is in,
/// or else `target` in the current folder.
pub fn state_folder(program: &Path) -> PathBuf {
    let has_tag = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    program.ancestors().skip(1).find(has_tag).map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the path of a new folder for a test.
    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("ag-ui-dev-{}", Uuid::new_v4()))
    }

    #[test]
    fn secrets_are_generated_once_and_private() {
        let folder = folder();
        let generated = LocalSecrets::load(&folder).unwrap();

        assert!(LocalSecrets::load(&folder).unwrap() == generated, "a restart finds the same");
        assert!(
            generated.token.len() >= 32
                && generated.approval_key.len() >= 32
                && generated.token != generated.approval_key
        );
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn malformed_secrets_file_is_an_error_and_is_kept() {
        let folder = folder();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(FILE), "{}").unwrap();

        let error = LocalSecrets::load(&folder).unwrap_err();

        assert!(error.to_string().contains(FILE), "{error}");
        assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), "{}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn state_folder_is_the_target_folder_of_the_program() {
        let folder = folder();
        fs::create_dir_all(folder.join("debug")).unwrap();
        fs::write(folder.join("CACHEDIR.TAG"), "").unwrap();

        assert_eq!(state_folder(&folder.join("debug/program")), folder);
        assert_eq!(state_folder(Path::new("/elsewhere/program")), Path::new("target"));
        fs::remove_dir_all(folder).unwrap();
    }
}
