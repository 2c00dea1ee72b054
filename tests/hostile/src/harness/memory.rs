//! What Linux says about the memory of this process, and the limit on it.

use std::fs;

use rustix::process::{Resource, Rlimit, setrlimit};

/// How much memory a session may take over what it has when it begins: that of the smallest function of Lambda.
const MAX_OVER_IDLE: u64 = 128 * 1024 * 1024;

/// Limits the data of this process to 128 MB more than it has now.
pub(super) fn limit_data() {
    let limit = Some(status("VmData:") + MAX_OVER_IDLE);
    setrlimit(Resource::Data, Rlimit { current: limit, maximum: limit })
        .expect("a limit can be made smaller");
}

/// Returns the memory of this process that is in use, in bytes.
pub(super) fn resident() -> u64 {
    status("VmRSS:")
}

/// Returns the largest value that [`resident`] has had.
pub(super) fn peak() -> u64 {
    status("VmHWM:")
}

/// Returns a line of the status of this process in bytes; 0 where there is no such file.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    kib * 1024
}
