"""What a measurement writes into docs/compare.md and README.md: tables, and a line about the machine. Each is between two
comments, of which the first has its name.
"""

import os
import platform
import re
import subprocess
from pathlib import Path

from measure import CLIENTS, RUNS
from subjects import ROOT

PAGES = [ROOT / "docs" / "compare.md", ROOT / "README.md"]
PLACE = re.compile(r"(<!-- make compare: ([a-z]+) -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)

# The rows of each table: label, and name of the value.
TABLES = {
    "code": [
        ("lines of code", "lines"),
        ("installing or building, s", "setup_s"),
    ],
    "size": [
        ("packages", "packages"),
        ("installed, MB", "installed_mb"),
        ("as a zip, MB", "zip_mb"),
    ],
    "start": [
        ("from start to the first event, s", "start_s"),
        ("from start to the end of the first run, s", "first_run_s"),
        ("CPU of both, s", "start_cpu_s"),
        ("memory before a run, MiB", "idle_mib"),
        (f"memory after {RUNS} runs, MiB", "after_mib"),
        (f"memory with {CLIENTS} clients, MiB", "loaded_mib"),
    ],
    "run": [
        ("first event, ms", "first_event_ms"),
        ("first text, ms", "first_text_ms"),
        ("CPU of a run, ms", "run_cpu_ms"),
        ("CPU of an event, µs", "event_cpu_us"),
        ("CPU of an event at full speed, µs", "busy_cpu_us"),
        (f"events per second with {CLIENTS} clients", "events_per_s"),
        ("of a processor in use then, %", "busy_percent"),
        ("events of a run", "events"),
        ("kB of a run", "kb"),
    ],
}
# The rows that README.md repeats.
TABLES["summary"] = [
    row
    for table in ("code", "size", "start", "run")
    for row in TABLES[table]
    if row[1] in ("lines", "setup_s", "zip_mb", "start_s", "after_mib", "event_cpu_us")
]


def number(value):
    """A number with three digits, or `-` for what was not measured."""
    if value is None:
        return "-"
    if isinstance(value, int) or value >= 100:
        digits = len(str(int(value)))
        return f"{int(round(value, min(0, 3 - digits))):,}"
    return f"{value:.3g}"


def table(rows, results):
    header = ["", *results]
    lines = [header, ["---"] * len(header)]
    lines += [[label, *(number(result.get(name)) for result in results.values())] for label, name in rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def machine(date, load):
    """One line about the machine, with the versions of what runs the agents."""
    names = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    rust, node = (version(command) for command in (["rustc", "--version"], ["node", "--version"]))
    return (
        f"Measured on {date}: {os.cpu_count()} processors ({names[0] if names else platform.machine()}), {memory:.0f} GiB of "
        f"memory,\nLinux {platform.release().split('-')[0]}, load {load:.1f} when the measurement began. {rust}, Python "
        f"{platform.python_version()}, Node {node.removeprefix('v')}."
    )


def version(command):
    words = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return f"Rust {words[1]}" if words[0] == "rustc" else words[0]


def shape(text):
    """What stays the same from one measurement to the next: the first cell of each row, and the columns."""
    rows = [line.split(" | ") for line in text.splitlines()]
    return [rows[0], *[row[0] for row in rows[1:]]]


def show(machine, results, may_write):
    """Prints the tables, and writes them or compares their shapes. Returns the exit status."""
    texts = {"machine": machine, **{name: table(rows, results) for name, rows in TABLES.items()}}
    for text in texts.values():
        print(f"\n{text}")
    if not may_write:
        return 0
    other = []
    for path in PAGES:
        before = path.read_text()
        after = PLACE.sub(lambda place: place[1] + texts[place[2]] + place[4], before)
        if os.environ.get("UPDATE") == "1":
            path.write_text(after)
            continue
        other += [
            f"{path.relative_to(ROOT)}: the table {name}"
            for _, name, text, _ in PLACE.findall(before)
            if name != "machine" and shape(text) != shape(texts[name])
        ]
    if other:
        print("\nThese have other rows or columns than what was measured; UPDATE=1 make compare writes them:\n" + "\n".join(other))
    return 1 if other else 0
