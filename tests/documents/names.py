"""Checks names in sentences: parameters of templates, packages and programs of cargo, options of doctor, and variables."""

import functools
import re
import shlex
import tomllib

from world import ROOT

# What stands for a name that the reader chooses.
STANDS_FOR_A_NAME = {"Name", "Other"}
# What cargo's options name: the kinds of targets, and where cargo finds those that Cargo.toml does not list.
FOUND_IN = {"bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}


def code_faults(code):
    """`Name=Value` sets a parameter of a template, and `stack.Name=Value` one of the template of this name in deploy/."""
    for stack, name in re.findall(r"(?<![\w.$-])(?:([a-z][a-z-]*)\.)?([A-Z][a-z]\w*)=", code):
        template = f"deploy/{stack}.yaml" if stack else None
        if template and template not in parameters():
            yield f"there is no template {template}"
        elif template and name not in parameters()[template] | STANDS_FOR_A_NAME:
            yield f"{template} has no parameter {name}"
        elif name not in STANDS_FOR_A_NAME.union(*parameters().values()):
            yield f"no template has a parameter {name}"


@functools.cache
def parameters():
    """The parameters of each template."""
    found = {}
    for path in (ROOT / "template.yaml", *(ROOT / "deploy").glob("*.yaml")):
        declared = re.search(r"^Parameters:\n((?: .*\n|\n|#.*\n)*)", path.read_text(), re.MULTILINE)
        found[str(path.relative_to(ROOT))] = set(re.findall(r"^  (\w+):", declared[1], re.MULTILINE)) if declared else set()
    return found


def cargo_faults(command):
    """The packages, programs and folders that a command of cargo names."""
    words = iter(command.split(" -- ")[0].replace("=", " ").split())
    for word in words:
        kind = {"-p": "package"}.get(word, word.removeprefix("--"))
        if word == "--path" and not (ROOT / (path := next(words, ""))).exists() and not path.startswith("/"):
            yield f"there is no folder {path}"
        elif word.startswith("-") and kind in workspace():
            # Big letters and `<name>` stand for a name.
            name = next(words, "")
            if name not in workspace()[kind] and not re.fullmatch(r"[A-Z]+|<[\w ]+>|\.\.\.", name):
                yield f"the workspace has no {kind} {name}"


@functools.cache
def workspace():
    """The names of the packages and of the targets of each kind."""
    names = {"package": set(), **{kind: set() for kind in FOUND_IN}}
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    for folder in (ROOT, *(folder for member in members for folder in ROOT.glob(member))):
        if not (folder / "Cargo.toml").exists():
            continue
        manifest = tomllib.loads((folder / "Cargo.toml").read_text())
        names["package"].add(manifest["package"]["name"])
        if (folder / "src/main.rs").exists():
            names["bin"].add(manifest["package"]["name"])
        for kind, place in FOUND_IN.items():
            names[kind] |= {target["name"] for target in manifest.get(kind, [])}
            names[kind] |= {file.stem for file in (folder / place).glob("*.rs")}
            names[kind] |= {file.parent.name for file in (folder / place).glob("*/main.rs")}
    return names


def doctor_faults(options):
    """The options of `ag-ui-dev doctor`, by its help."""
    source = (ROOT / "crates/ag-ui-dev/src/doctor/options.rs").read_text()
    known = {"--help", *re.findall(r"^  (--[a-z-]+) ", source, re.MULTILINE)}
    for option in shlex.split(options):
        if option.startswith("-") and option.split("=")[0] not in known:
            yield f"doctor has no option {option}"


def variable_faults(line):
    """The variables of the function. `AGUI_CLAIM_*` stands for those that begin so."""
    for name, any_end in re.findall(r"\b(AGUI_[A-Z0-9_]*)(\*?)", line):
        is_begin = any_end or name.endswith("_")
        if name not in variables() and not (is_begin and any(known.startswith(name) for known in variables())):
            yield f"nothing reads the variable {name}"


@functools.cache
def variables():
    """The names that begin with AGUI_ in code, templates and tests, except for the tests of the documents."""
    files = [ROOT / "Makefile", ROOT / "template.yaml"]
    for folder in ("crates", "src", "scripts", "tests", "examples", "benches"):
        files += [file for kind in ("rs", "py", "sh", "mjs", "js", "mk") for file in (ROOT / folder).rglob(f"*.{kind}")]
    files = [file for file in files if "node_modules" not in file.parts and "tests/documents" not in str(file)]
    return {name for file in files if file.is_file() for name in re.findall(r"\bAGUI_[A-Z0-9_]*", file.read_text())}
