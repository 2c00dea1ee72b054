"""Installs what is compared, and counts it: seconds, packages, bytes, lines of code.

Downloads are not part of the seconds: they depend on the network. Everything is downloaded before the clock starts.
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from importlib import metadata
from pathlib import Path

from subjects import HERE, OUTPUT, ROOT, Container, Function, Node, Python, program

# What pip itself brings, which no application needs.
INSTALLERS = {"pip", "setuptools", "wheel"}


def install(subject):
    """Installs the agent into its folder, if this was not done before, and returns what was counted."""
    if isinstance(subject, Python):
        return once(subject, [HERE / subject.key / "requirements.txt"], install_python)
    if isinstance(subject, Node):
        inputs = [HERE / subject.key / name for name in ("package.json", "package-lock.json")]
        counted = once(subject, inputs, install_node)
        for file in (HERE / subject.key).glob("*.mjs"):
            shutil.copy(file, subject.folder())
        return counted
    return build(subject)


def once(subject, inputs, install):
    """Installs, unless the same files have been installed before. Then it returns what was counted at that time."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    record = subject.folder() / "installed.json"
    if record.exists() and json.loads(record.read_text())["inputs"] == digest:
        return json.loads(record.read_text())["counted"]
    print(f"compare: installing {subject.key}", flush=True)
    shutil.rmtree(subject.folder(), ignore_errors=True)
    subject.folder().mkdir(parents=True)
    counted = install(subject.folder(), inputs)
    record.write_text(json.dumps({"inputs": digest, "counted": counted}))
    return counted


def install_python(folder, inputs):
    [requirements] = inputs
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    call([*pip, "download", "--only-binary", ":all:", "--require-hashes", "-r", requirements, "--dest", wheels])
    started_at = time.perf_counter()
    call([sys.executable, "-m", "venv", folder / ".venv"])
    own_pip = [folder / ".venv/bin/python", *pip[1:]]
    call([*own_pip, "install", "--no-index", "--find-links", wheels, "--require-hashes", "-r", requirements])
    seconds = time.perf_counter() - started_at
    [packages] = (folder / ".venv/lib").glob("python*/site-packages")
    found = {package.name.lower() for package in metadata.distributions(path=[str(packages)])} - INSTALLERS
    return {"setup_s": seconds, "packages": len(found), **sizes(packages, folder / "package.zip")}


def install_node(folder, inputs):
    for path in inputs:
        shutil.copy(path, folder)
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    call(npm, folder)
    shutil.rmtree(folder / "node_modules")
    started_at = time.perf_counter()
    call([*npm, "--offline"], folder)
    seconds = time.perf_counter() - started_at
    # A package may be there in several versions, each in a folder of its own.
    lock = json.loads((folder / "node_modules/.package-lock.json").read_text())
    return {"setup_s": seconds, "packages": len(lock["packages"]), **sizes(folder / "node_modules", folder / "package.zip")}


def build(subject):
    """Counts a program of this project. COMPARE_PROGRAMS names a folder with release builds; without it they are built."""
    name = Path(program_of(subject)).name
    counted = {}
    if "COMPARE_PROGRAMS" not in os.environ:
        # Both at once, so that the crates that they share are compiled once.
        call(["cargo", "build", "--quiet", "--locked", "--release", "--package", "smallest", "--package", "agentcore"], ROOT)
        if isinstance(subject, Function):
            counted["setup_s"] = first_build(subject, name)
    tree = ["cargo", "tree", "--locked", "--package", name, "--edges", "normal", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(tree, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    # The program itself is not one of its packages.
    crates = {" ".join(line.split()[:2]) for line in lines} - {""}
    subject.folder().mkdir(parents=True, exist_ok=True)
    archive = subject.folder() / "package.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        package.write(program_of(subject), "bootstrap")
    size = Path(program_of(subject)).stat().st_size
    return {**counted, "packages": len(crates) - 1, "installed_mb": size / 1e6, "zip_mb": archive.stat().st_size / 1e6}


def first_build(subject, name):
    """The seconds of the first build of a developer, without optimisation, from nothing but the sources of all crates."""
    lockfile = [ROOT / "Cargo.lock"]

    def build_all(folder, _):
        call(["cargo", "fetch", "--locked"], ROOT)
        started_at = time.perf_counter()
        call(["cargo", "build", "--quiet", "--locked", "--offline", "--package", name, "--target-dir", folder / "build"], ROOT)
        seconds = time.perf_counter() - started_at
        shutil.rmtree(folder / "build")
        return seconds

    return once(subject, lockfile, build_all)


def program_of(subject):
    return subject.command(0)[0]


def sizes(folder, archive):
    """The bytes of the files in a folder, and of a zip of them. What Python compiles for itself is left out, and pip."""
    installed = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as package:
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            is_installer = parts[0].split("-")[0] in INSTALLERS or parts[0] in ("_distutils_hack", "pkg_resources")
            if path.is_file() and not path.is_symlink() and "__pycache__" not in parts and not is_installer:
                installed += path.stat().st_size
                package.write(path, path.relative_to(folder))
    size = archive.stat().st_size
    archive.unlink()
    return {"installed_mb": installed / 1e6, "zip_mb": size / 1e6}


def lines_of_code(path):
    """The lines of a file that are neither empty nor a comment. Descriptions of tools are comments in Rust and texts in Python,
    so neither is counted.
    """
    lines = path.read_text().splitlines()
    hidden = set()
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                hidden.update(range(node.lineno, node.end_lineno + 1))
    marks = ("#",) if path.suffix == ".py" else ("//",)
    counted = (line.strip() for number, line in enumerate(lines, 1) if number not in hidden)
    return sum(1 for line in counted if line and not line.startswith(marks))


def call(command, folder=None):
    subprocess.run([str(part) for part in command], cwd=folder, check=True)
