"""Runs every block of code and every command of the README and the pages in docs/. `make test-docs` calls it.

    python -B tests/documents                 all pages
    python -B tests/documents docs/local.md   these pages
    python -B tests/documents --list          how each block is run, without running it
    python -B tests/documents --self-test     blocks with a fault, each of which must fail

The language of a block says how it is run (runner.py); exceptions.py has what single blocks need. Beside the blocks, the commands
and names in sentences must exist (sentences.py, names.py), and relative links must lead to a file and a heading.
docs/getting-started.md is followed by tests/starter, and Rust without a named region by tests/it/documentation.
"""

import os
import sys
from fnmatch import fnmatch

import self_test
import sentences
from pages import broken_links, read
from runner import run_all, way
from world import LEFT_OUT, ROOT, World

# Pages whose blocks others run.
ELSEWHERE = ("docs/getting-started.md",)
BLOCKS = (
    "README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md", "deploy/README.md", "events/README.md", "examples/*/README.md",
    "starter/*.md",
)


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test.main()
    pages = read(ROOT, sorted({str(path.relative_to(ROOT)) for pattern in BLOCKS for path in ROOT.glob(pattern)}))
    wanted = [argument for argument in arguments if not argument.startswith("--")]
    if unknown := set(wanted) - {page.path for page in pages}:
        print(f"test-docs: there is no page {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [page for page in pages if page.path in wanted or not wanted]
    blocks = [block for page in chosen if page.path not in ELSEWHERE for block in page.blocks()]
    if "--list" in arguments:
        for block in blocks:
            print(f"{way(block):10} {block}")
        return 0
    every = every_page()
    # The changelog names commands of older versions.
    checked = [page for page in every if page.path != "CHANGELOG.md" and (page.path in wanted or not wanted)]
    faults = [*sentences.faults(checked), *(broken_links(ROOT, every) if not wanted else ())]
    world = World()
    try:
        faults += run_all(blocks, world, is_complete=not wanted)
    finally:
        world.close()
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"test-docs: {len(blocks)} blocks, {len(faults)} faults", flush=True)
    return 1 if faults else 0


def every_page():
    """All pages of the repository, for their links."""
    paths = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not any(fnmatch(name, pattern) for pattern in LEFT_OUT))
        paths += [os.path.relpath(os.path.join(folder, name), ROOT) for name in sorted(files) if name.endswith(".md")]
    return read(ROOT, paths)


sys.exit(main(sys.argv[1:]))
