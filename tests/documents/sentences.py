"""Checks the commands and names in sentences, which are not run: that targets, operations, variables and options exist."""

import functools
import re
import shlex
import subprocess

import botocore.exceptions
import botocore.session
from botocore import xform_name

import names
from world import ROOT


def faults(pages):
    """A sentence for each fault of a command or a name."""
    for page in pages:
        # The starter has a Makefile and files of its own.
        folder = ROOT / "starter" if page.path.startswith("starter/") else ROOT
        for number, code in page.code():
            found = [*command_faults(code, folder), *names.code_faults(code)]
            yield from (f"{page.path}:{number}: {fault} of `{code}`" for fault in found)
        for number, line in page.prose():
            yield from (f"{page.path}:{number}: {fault}" for fault in names.variable_faults(line))


def command_faults(code, folder):
    command = re.match(r"(?:[A-Z_]+=\S+ )*(make|aws|cargo|ag-ui-dev doctor)(?: |$)", code)
    match command and command[1]:
        case "make":
            yield from make_faults(code, folder)
        case "aws":
            yield from aws_faults(code)
        # A project has packages of its own.
        case "cargo" if folder == ROOT:
            yield from names.cargo_faults(code)
        case "ag-ui-dev doctor":
            yield from names.doctor_faults(code[command.end() :])


def make_faults(command, folder):
    # Values in quotes are not words of make.
    for word in re.sub(r"'[^']*'|\"[^\"]*\"", "", command).split():
        variable = re.match(r"([A-Z][A-Z0-9_]*)=", word)
        if variable and variable[1] not in variables():
            yield f"nothing reads the variable {variable[1]}"
        if not variable and word != "make" and not word.startswith("-") and word not in targets(folder):
            yield f"the Makefile has no target {word}"
    event = re.search(r"\bEVENT=(\S+\.\w+)", command)
    if event and not (folder / event[1]).exists():
        yield f"there is no file {event[1]}"
    options = re.search(r"\bARGS=(?:'([^']*)'|\"([^\"]*)\"|(\S+))", command)
    if options and "doctor" in command.split():
        yield from names.doctor_faults(options[1] or options[2] or options[3] or "")


@functools.cache
def targets(folder):
    """The targets of the Makefile in a folder."""
    command = ["make", "--print-data-base", "--dry-run", "help"]
    listed = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    return set(re.findall(r"^([a-z][\w-]*):", listed.stdout, re.MULTILINE))


@functools.cache
def variables():
    """The names that Makefiles, scripts, tests or the configuration have."""
    sources = [ROOT / "Makefile", ROOT / "starter/Makefile", ROOT / "docs/configuration.md"]
    sources += [*(ROOT / "scripts").rglob("*.*"), *(ROOT / "tests/it").rglob("*.rs"), *(ROOT / "tests/web").glob("*.mjs")]
    text = "\n".join(path.read_text() for path in sources if path.is_file())
    return set(re.findall(r"\b[A-Z][A-Z0-9_]*\b", text))


# What the CLI adds to the operations of the services.
OF_THE_CLI = (["configure"], ["sso", "login"], ["cloudformation", "deploy"])
GLOBAL_OPTIONS = {"query", "output", "region", "profile"}


def aws_faults(command):
    words = shlex.split(command)[1:]
    if any(words[: len(known)] == known for known in OF_THE_CLI):
        return
    service, operation, *rest = [*words, "", ""]
    try:
        model = botocore.session.get_session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        yield f"AWS has no service {service}"
        return
    name = next((name for name in model.operation_names if xform_name(name, "-") == operation), None)
    if name is None:
        yield f"the service {service} has no operation {operation}"
        return
    shape = model.operation_model(name).input_shape
    known = {xform_name(member, "-") for member in shape.members} if shape else set()
    for word in rest:
        if word.startswith("--") and word[2:].removeprefix("no-") not in known | GLOBAL_OPTIONS:
            yield f"the operation has no option {word}"
