"""Checks the output of `sam build`: each function must have one file `bootstrap`, a program for Linux on arm64 without the
page of local mode. Prints the size of each program.

Usage: check-package.py FOLDER FUNCTION...
"""

import struct
import sys
from pathlib import Path

# An ELF header for 64 bits, little-endian. The type and the machine are at byte 16.
MAGIC = b"\x7fELF\x02\x01"
PROGRAMS = {2, 3}  # ET_EXEC, ET_DYN
AARCH64 = 183
# A path in the page that a debug build serves on a developer's machine.
PAGE = b"/_dev/main.js"


def check(function, folder):
    files = sorted(path.name for path in folder.iterdir())
    if files != ["bootstrap"]:
        sys.exit(f"{function}: {folder} must hold one file, bootstrap; it holds {files}")
    program = folder / "bootstrap"
    code = program.read_bytes()
    header = code[:20]
    kind, machine = struct.unpack_from("<HH", header, 16) if header.startswith(MAGIC) else (0, 0)
    if kind not in PROGRAMS or machine != AARCH64:
        sys.exit(f"{function}: {program} is not a program for arm64")
    if not program.stat().st_mode & 0o100:
        sys.exit(f"{function}: {program} is not executable")
    if PAGE in code:
        sys.exit(f"{function}: {program} contains the page of local mode, which no release build may contain")
    print(f"{function}: arm64, {program.stat().st_size:,} bytes")


if __name__ == "__main__":
    folder, *functions = sys.argv[1:]
    for function in functions:
        check(function, Path(folder) / function)
