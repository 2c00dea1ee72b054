"""Repeats each pinned package with extras without them: `a[b]==1` is followed by `a==1` with the same hashes."""

import re
import sys

for pin in re.split(r"\n(?=\S)", sys.stdin.read().strip()):
    plain = re.sub(r"^([A-Za-z0-9._-]+)\[[^]]*\]", r"\1", pin)
    print(pin if plain == pin else f"{plain}\n{pin}")
