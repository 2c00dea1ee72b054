"""Runs a command for the tests and ends it when its own standard input does.

A test process that dies, of a panic or killed, takes its end of the pipe with it, so nothing is left behind. The
command is asked first, because it may have children of its own to end, and killed with its group if it does not go.

    supervise.py COMMAND [ARGUMENT...]
"""

import os
import signal
import subprocess
import sys
import threading

PATIENCE_S = 5

# Ctrl-C in a terminal reaches this process as well; the end of the pipe, which follows, is the one order to stop.
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda *_: None)

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)


def end_with_input() -> None:
    sys.stdin.read()
    child.terminate()
    try:
        child.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)


threading.Thread(target=end_with_input, daemon=True).start()
sys.exit(child.wait())
