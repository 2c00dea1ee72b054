"""Checks the commands in sentences, which are not run: that their targets, operations, variables and options exist."""

import functools
import re
import shlex
import subprocess

import botocore.exceptions
import botocore.session
from botocore import xform_name

from world import ROOT


def faults(pages):
    """A sentence for each fault of a command."""
    for page in pages:
        # The starter has a Makefile of its own.
        folder = ROOT / "starter" if page.path.startswith("starter/") else ROOT
        for line, command in page.commands():
            found = aws_faults(command) if command.startswith("aws") else make_faults(command, folder)
            yield from (f"{page.path}:{line}: {fault} of `{command}`" for fault in found)


def make_faults(command, folder):
    for word in re.sub(r"'[^']*'", "", command).split():
        variable = re.match(r"([A-Z][A-Z0-9_]*)=", word)
        if variable and variable[1] not in variables():
            yield f"nothing reads the variable {variable[1]}"
        if not variable and word != "make" and not word.startswith("-") and word not in targets(folder):
            yield f"the Makefile has no target {word}"


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
