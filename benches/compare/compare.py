"""Measures this project beside others, for docs/compare.md. `make compare` runs it.

UPDATE=1 writes the tables into docs/compare.md and README.md. Without it the tables are printed, and the command fails if those
in the pages have other rows or columns. COMPARE_PROGRAMS names a folder with release builds of `smallest` and `agentcore`, so
that nothing is built. ONLY=ag2,strands measures some, and only prints.
"""

import json
import os
import subprocess
import sys
import time

import page
from measure import measure
from packages import install, lines_of_code
from subjects import HERE, OUTPUT, SUBJECTS, Container


def main():
    only = [key for key in os.environ.get("ONLY", "").split(",") if key]
    subjects = [subject for subject in SUBJECTS if not only or subject.key in only]
    counted = [install(subject) for subject in subjects]
    stand_in = subprocess.Popen([sys.executable, HERE / "stand_in.py"], stdout=subprocess.PIPE, text=True)
    load_before = os.getloadavg()[0]
    try:
        model = f"http://127.0.0.1:{stand_in.stdout.readline().strip()}"
        results = {}
        for subject, counts in zip(subjects, counted):
            print(f"compare: {subject.title}", flush=True)
            measured = measure(subject, model, OUTPUT / "log" / f"{subject.source.parent.name}-{subject.source.stem}.txt")
            # The example for a server has more than the smallest agent.
            lines = {} if isinstance(subject, Container) else {"lines": lines_of_code(subject.source)}
            results[subject.title] = {**counts, **lines, **measured}
    finally:
        stand_in.kill()
        stand_in.wait()
    (OUTPUT / "results.json").write_text(json.dumps(results, indent=2))
    machine = page.machine(time.strftime("%Y-%m-%d"), load_before)
    return page.show(machine, results, may_write=not only)


if __name__ == "__main__":
    sys.exit(main())
