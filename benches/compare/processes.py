"""Starts the measured processes, and reads their processor time and memory."""

import os
import socket
import subprocess
import time
from pathlib import Path

# The measured process has the first processor for itself. The model and the clients have the others, if there are any.
MEASURED, OTHERS = {0}, set(range(1, os.cpu_count() or 1)) or {0}
START_TIMEOUT_S = 60


class NotStarted(Exception):
    """A process that ended, or that did not listen in time."""


class Process:
    """A process on the processor of the measured ones. Its output goes to a file."""

    def __init__(self, command, env, folder, log):
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self.started_at = time.perf_counter()
            self.child = subprocess.Popen(
                command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=lambda: os.sched_setaffinity(0, MEASURED),
            )

    def wait_for(self, port):
        """Waits until somebody listens on this port."""
        until = time.perf_counter() + START_TIMEOUT_S
        while time.perf_counter() < until:
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.002)
        raise NotStarted(f"{self.child.args[0]} does not serve: {self.log.read_text(errors='replace')[-3000:]}")

    def cpu_s(self):
        """The processor time of all threads so far, by the process's own clock, which is exact to a nanosecond."""
        return time.clock_gettime((~self.child.pid << 3) | 2)

    def memory_mib(self, name="VmRSS"):
        """The resident memory, or its peak (`VmHWM`)."""
        for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise NotStarted(f"process {self.child.pid} has ended: {self.log.read_text(errors='replace')[-3000:]}")

    def end(self):
        self.child.kill()
        self.child.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
