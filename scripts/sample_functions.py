#!/usr/bin/env python3
"""Prints functions of this repository, chosen by a commit, for a reading test.

Usage: scripts/sample_functions.py [COMMIT] [NUMBER]

Prints NUMBER public and NUMBER private functions (20 each by default): file, documentation and signature, without the
body. COMMIT (HEAD by default) is the seed, so that everybody who names it gets the same functions. A reader who has not
seen the code says what each function does and when it is used; what the reader gets wrong needs a better name or a
better sentence. Tests are left out, since their names are their documentation.
"""

import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["src", "crates", "examples", "tests/support/src", "tests/structure/src"]
FUNCTION = re.compile(
    r"^(?P<head>(?:[ ]*(?://[/!]|#\[)[^\n]*\n)*)"
    r"(?P<signature>[ ]*(?P<public>pub(?:\([a-z]+\))?\s+)?(?:const\s+)?(?:async\s+)?fn\s+\w+[^{;]*)(?:\{|;)",
    re.M,
)
OWNER = re.compile(r"^(?:pub(?:\([a-z]+\))? )?(?:impl|trait)\b[^{;]*", re.M)


def functions(path):
    """Yields (is_public, text) of every function of a file that is not a test."""
    text = path.read_text()
    tests = text.find("#[cfg(test)]\nmod tests {")
    if tests >= 0:
        text = text[:tests]
    for match in FUNCTION.finditer(text):
        if "#[test]" in match["head"] or "tokio::test" in match["head"]:
            continue
        owner = ""
        if match["signature"].startswith(" "):
            owners = [found[0] for found in OWNER.finditer(text, 0, match.start())]
            owner = owners[-1].strip() + "\n" if owners else ""
        name = path.relative_to(ROOT)
        yield match["public"] == "pub ", f"{name}\n{owner}{match['head']}{match['signature'].rstrip()}\n"


def main():
    """Chooses the functions and prints them with numbers."""
    commit = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = subprocess.run(["git", "rev-parse", commit], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.rs"))]
    files = [path for path in files if "tests" not in path.relative_to(ROOT).parts[2:-1] and path.name != "tests.rs"]
    found = [function for path in files for function in functions(path)]
    choice = random.Random(seed.strip())
    chosen = choice.sample([text for public, text in found if public], number)
    chosen += choice.sample([text for public, text in found if not public], number)
    for index, text in enumerate(chosen, 1):
        print(f"--- {index}\n{text}")


if __name__ == "__main__":
    main()
