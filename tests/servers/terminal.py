"""Runs a command in a terminal of 80 columns, and types when it is asked.

Reads JSON from standard input: `command`, and `steps`, pairs of a text to wait for and what is typed then. Prints JSON: the exit
`code` and the `text` of the terminal. It gives up if a text does not come within three minutes.
"""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios

task = json.load(sys.stdin)
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    os.execvp(task["command"][0], task["command"])

text = ""
seen = 0
steps = task["steps"]
while True:
    while steps and (at := text.find(steps[0][0], seen)) >= 0:
        seen = at + len(steps[0][0])
        os.write(terminal, f"{steps.pop(0)[1]}\n".encode())
    if not select.select([terminal], [], [], 180)[0]:
        text += "\n*** nothing more came ***"
        os.kill(child, 9)
        break
    try:
        part = os.read(terminal, 65536)
    except OSError:  # the command has ended
        break
    if not part:
        break
    text += part.decode(errors="replace")
_, status = os.waitpid(child, 0)
if steps:
    text += f"\n*** never came: {steps[0][0]} ***"
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "text": text.replace("\r", "")}))
