//! The checks of the tools on this machine: what building, running and deploying start.

use super::machine::Machine;
use super::manifest::Manifest;
use super::project::Project;
use super::report::Finding;
use super::versions::Version;

/// The oldest Python for which the tools of `make deploy` are pinned.
const PYTHON: &str = "3.11";
/// The oldest Node with which the pages of this project are tested.
const NODE: &str = "20.19";

/// Makes the checks of the group "Tools".
pub(super) async fn check(machine: &Machine, project: &Project) -> Vec<Finding> {
    let mut findings = vec![rust(machine, project).await, c_compiler(machine).await];
    if project.template.is_none() {
        let reason = "there is no template.yaml here, so nothing is deployed from this folder";
        findings.extend(Finding::all_skipped(&["cargo-lambda", "zig", "target", "sam", "python"], reason));
    } else {
        findings.push(pinned_tool(machine, project, &CARGO_LAMBDA).await);
        findings.push(zig(machine, project).await);
        findings.push(target(machine, project).await);
        findings.push(pinned_tool(machine, project, &SAM).await);
        findings.push(python(machine, project).await);
    }
    findings.push(node(machine, project).await);
    findings
}

/// Checks that Rust is installed, in the version that Cargo.toml names or a later one.
async fn rust(machine: &Machine, project: &Project) -> Finding {
    const CHECK: &str = "rust";
    if let Some(missing) = ["cargo", "rustc"].into_iter().find(|program| machine.find(program).is_none()) {
        let fix = "install Rust from https://rustup.rs:\n  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
        return Finding::failed(CHECK, format!("{missing} is missing"), fix);
    }
    let found = machine.output("rustc", &["--version"]).await.and_then(Result::ok).unwrap_or_default();
    let Some(version) = Version::find(&found) else {
        return Finding::failed(CHECK, "rustc does not say its version", "  rustup update stable");
    };
    let needed = project
        .manifest
        .as_ref()
        .and_then(|manifest| manifest.as_ref().ok())
        .and_then(Manifest::rust_version);
    match needed {
        Some(needed) if version < needed => Finding::failed(
            CHECK,
            format!("rustc is {version}, and Cargo.toml needs {needed}"),
            "  rustup update stable",
        ),
        Some(needed) => Finding::ok(CHECK, format!("rustc {version}; Cargo.toml needs {needed}")),
        None => Finding::ok(CHECK, format!("rustc {version}")),
    }
}

/// Checks that there is a C compiler, because the cryptography is written in C.
async fn c_compiler(machine: &Machine) -> Finding {
    const CHECK: &str = "c-compiler";
    match machine.output("cc", &["--version"]).await {
        Some(Ok(text)) => Finding::ok(CHECK, text.lines().next().unwrap_or("cc").to_owned()),
        Some(Err(problem)) => Finding::failed(CHECK, format!("cc does not work: {problem}"), install_c()),
        None => Finding::failed(CHECK, "cc is missing, which compiles the cryptography", install_c()),
    }
}

/// Returns how a C compiler is installed.
fn install_c() -> &'static str {
    if cfg!(target_os = "macos") {
        "  xcode-select --install"
    } else {
        "  sudo apt-get install build-essential"
    }
}

/// A tool that comes from PyPI, and that `make deploy` installs by itself.
struct PinnedTool {
    check: &'static str,
    program: &'static str,
    /// The name of its package.
    package: &'static str,
}

const CARGO_LAMBDA: PinnedTool =
    PinnedTool { check: "cargo-lambda", program: "cargo-lambda", package: "cargo-lambda" };
const SAM: PinnedTool = PinnedTool { check: "sam", program: "sam", package: "aws-sam-cli" };
const ZIG: PinnedTool = PinnedTool { check: "zig", program: "zig", package: "ziglang" };

/// Checks that a tool is installed, and not older than the project pins it.
async fn pinned_tool(machine: &Machine, project: &Project, tool: &PinnedTool) -> Finding {
    let PinnedTool { check, program, package } = tool;
    // cargo-lambda takes the words that cargo passes on.
    let arguments: &[&str] =
        if *program == "cargo-lambda" { &["lambda", "--version"] } else { &["--version"] };
    let Some(found) = machine.output(program, arguments).await else {
        return tool.unusable(machine, project, format!("{program} is missing"));
    };
    match (found.as_deref().ok().and_then(Version::find), pinned_version(machine, package)) {
        (None, _) => {
            let problem = found.err().unwrap_or_default();
            let problem = problem.lines().next().unwrap_or("it does not say its version");
            tool.unusable(machine, project, format!("{program} does not work: {problem}"))
        }
        (Some(version), Some(pinned)) if version < pinned => {
            let problem = format!("{program} is {version}, and deploy/requirements.txt pins {pinned}");
            tool.unusable(machine, project, problem)
        }
        (Some(version), _) => Finding::ok(check, format!("{program} {version}")),
    }
}

impl PinnedTool {
    /// Returns the finding about a tool that is missing, old or broken, as `problem` says. That is no failure if `make deploy`
    /// will install its own one.
    fn unusable(&self, machine: &Machine, project: &Project, problem: String) -> Finding {
        let Self { check, program, .. } = self;
        if !project.has_make_deploy {
            return Finding::failed(check, problem, self.install(machine));
        }
        if machine.is_in_sam_venv(program) || machine.is_sam_venv_complete() {
            return Finding::failed(check, problem, install_again(machine));
        }
        let reason = format!("{problem}; `make deploy` installs its own into {}", machine.sam_venv());
        Finding::skipped(check, reason)
    }

    /// Returns how the tool is installed without `make deploy`: into the folder in which this program looks first, because many
    /// systems refuse to install a package of Python anywhere else.
    fn install(&self, machine: &Machine) -> String {
        let (package, venv) = (self.package, machine.sam_venv());
        let version = pinned_version(machine, package).map(|version| format!("=={version}"));
        let version = version.unwrap_or_default();
        format!(
            "  python3 -m venv {venv} && {venv}/bin/pip install {package}{version}\n  export PATH=\"$PWD/{venv}/bin:$PATH\""
        )
    }
}

/// Returns how the tools of `make deploy` are installed again. make does that only if deploy/requirements.txt has changed, or if
/// nothing is there.
fn install_again(machine: &Machine) -> String {
    let venv = machine.sam_venv();
    let remove = if machine.is_sam_venv_complete() { format!("  rm -rf {venv}\n") } else { String::new() };
    format!("{remove}  make {venv}/.stamp")
}

/// Returns the version of a package that deploy/requirements.txt pins.
fn pinned_version(machine: &Machine, package: &str) -> Option<Version> {
    let text = std::fs::read_to_string(machine.folder().join("deploy/requirements.txt")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))?;
    Version::find(line)
}

/// Checks that there is zig, with which cargo-lambda links for Lambda.
async fn zig(machine: &Machine, project: &Project) -> Finding {
    let check = ZIG.check;
    if let Some(Ok(version)) = machine.output(ZIG.program, &["version"]).await {
        return Finding::ok(check, format!("zig {version}"));
    }
    // cargo-lambda from PyPI comes with zig as a package of Python.
    if let Some(Ok(version)) = machine.output("python3", &["-m", "ziglang", "version"]).await {
        return Finding::ok(check, format!("zig {version}, as a package of Python"));
    }
    let problem = "zig is missing, with which cargo-lambda links the function";
    ZIG.unusable(machine, project, problem.to_owned())
}

/// Checks that Rust can compile for the processor of the function.
async fn target(machine: &Machine, project: &Project) -> Finding {
    const CHECK: &str = "target";
    let architecture = project.template().and_then(|template| {
        let agents = template.agents();
        let list = template.property(agents.first()?, "Architectures")?;
        template.text(list.get(0)?)
    });
    // Lambda's own default is x86_64.
    let triple = match architecture.as_deref() {
        Some("arm64") => "aarch64-unknown-linux-gnu",
        _ => "x86_64-unknown-linux-gnu",
    };
    let printed = machine.output("rustc", &["--print", "target-libdir", "--target", triple]).await;
    let is_installed =
        printed.is_some_and(|folder| folder.is_ok_and(|folder| std::path::Path::new(&folder).is_dir()));
    if is_installed {
        return Finding::ok(CHECK, format!("{triple} is installed"));
    }
    match machine.find("rustup") {
        Some(_) => Finding::ok(CHECK, format!("{triple} is added by rustup at the first build")),
        None => Finding::failed(
            CHECK,
            format!("Rust cannot compile for {triple}, and there is no rustup to add it"),
            "install Rust from https://rustup.rs in place of the package of your system, and then:\n  rustup target add ".to_owned() + triple,
        ),
    }
}

/// Checks the Python that `make deploy` is written in.
async fn python(machine: &Machine, project: &Project) -> Finding {
    const CHECK: &str = "python";
    if !project.has_make_deploy {
        return Finding::skipped(CHECK, "only `make deploy` needs it, which is not part of this project");
    }
    let install = "  sudo apt-get install python3 python3-venv";
    let Some(found) = machine.output("python3", &["--version"]).await else {
        return Finding::failed(CHECK, "python3 is missing", install);
    };
    let Some(version) = found.as_deref().ok().and_then(Version::find) else {
        return Finding::failed(CHECK, "python3 does not say its version", install);
    };
    if Version::parse(PYTHON).is_some_and(|needed| version < needed) {
        let problem = format!("python3 is {version}, older than {PYTHON}, which the pinned tools need");
        return Finding::failed(
            CHECK,
            problem,
            format!("install Python {PYTHON} or later, so that `python3` is that one"),
        );
    }
    match machine.output("python3", &["-c", "import ensurepip, venv"]).await {
        Some(Ok(_)) => Finding::ok(CHECK, format!("python3 {version} with venv")),
        _ => Finding::failed(CHECK, "python3 has no venv", "  sudo apt-get install python3-venv"),
    }
}

/// Checks Node, if the project has a page or a server that is written in JavaScript.
async fn node(machine: &Machine, project: &Project) -> Finding {
    const CHECK: &str = "node";
    let Some(page) = project.pages.first() else {
        return Finding::skipped(CHECK, "there is no package.json here");
    };
    let page = page.strip_prefix(machine.folder()).unwrap_or(page).join("package.json");
    let fix = format!("install Node {NODE} or later from https://nodejs.org");
    let Some(found) = machine.output("node", &["--version"]).await else {
        return Finding::failed(CHECK, format!("node is missing, which {} needs", page.display()), fix);
    };
    match found.as_deref().ok().and_then(Version::find) {
        Some(version) if Version::parse(NODE).is_some_and(|needed| version >= needed) => {
            Finding::ok(CHECK, format!("node {version}"))
        }
        Some(version) => Finding::failed(CHECK, format!("node is {version}, older than {NODE}"), fix),
        None => Finding::failed(CHECK, "node does not say its version", fix),
    }
}
