//! Finds files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::imports::Import;

/// Returns the groups of files that import each other in a circle, directly or through other files, in order of name. The
/// result is empty if there is no circle. The test of the layers fails if there is a circle.
pub fn cycles(imports: &BTreeSet<Import>) -> Vec<BTreeSet<PathBuf>> {
    let mut named: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for import in imports {
        named.entry(&import.from).or_default().insert(&import.to);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        named.keys().map(|file| (*file, reachable(file, &named))).collect();
    let reaches = |from: &Path, to: &Path| reached.get(from).is_some_and(|files| files.contains(to));
    let groups: BTreeSet<BTreeSet<PathBuf>> = reached
        .keys()
        .filter(|file| reaches(file, file))
        .map(|file| {
            let back = reached[file].iter().filter(|other| reaches(other, file));
            back.map(|other| other.to_path_buf()).collect()
        })
        .collect();
    groups.into_iter().collect()
}

/// Returns the files that the file `from` imports, directly or through other files. `from` itself is among them only if it
/// is part of a circle. `named` has the direct imports of each file.
fn reachable<'a>(from: &Path, named: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&Path> = named.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = next.pop() {
        if found.insert(file) {
            next.extend(named.get(file).into_iter().flatten());
        }
    }
    found
}
