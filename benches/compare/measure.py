"""Measures one agent after another: its start, its memory, the time to its first event, its processor time, its throughput."""

import statistics
import threading
import time
import urllib.request

from runs import WrongRun
from stand_in import DELTAS

STARTS = 5
WARM_UPS = 5
RUNS = 50
# Between two events of the model, so that an agent reads, decodes and sends each event by itself.
PACE_MS = 2
CLIENTS = 8
LOAD_S = 5


def measure(subject, model, log):
    """Measures this agent. Returns a value for each row of the tables that it has."""
    pace(model, 0)
    starts = [start(subject, model, log) for _ in range(STARTS)]
    server = subject.start(subject, model, log)
    try:
        client = server.client()
        client.wait()
        time.sleep(0.5)  # what a process still does after it listens is not the cost of a run
        idle = memory(server)
        alone = one_client(subject, server, client, model)
        loaded = many_clients(subject, server, client, model)
        return {
            "start_s": statistics.median(first for first, _, _ in starts),
            "first_run_s": statistics.median(end for _, end, _ in starts),
            "start_cpu_s": statistics.median(used for _, _, used in starts),
            "idle_mib": idle,
            **alone,
            **loaded,
        }
    finally:
        server.end()


def pace(model, milliseconds):
    """Sets the time that the model waits between two events."""
    urllib.request.urlopen(f"{model}/pace/{milliseconds}").close()


def start(subject, model, log):
    """Starts a process, sends a run as soon as it listens, and ends it. Returns the times from the start of the process to
    the first event and to the last, and the processor time of all that.
    """
    server = subject.start(subject, model, log)
    try:
        client = server.client()
        run = client.run(0)
        started_at = server.processes[0].started_at
        run.check(subject.result)
        return run.first_event_at - started_at, run.ended_at - started_at, cpu(server)
    finally:
        server.end()


def one_client(subject, server, client, model):
    """Sends one run after another."""
    for number in range(WARM_UPS):
        text = client.run(number).text()
        if text != "".join(DELTAS):
            raise WrongRun(f"the text of the run is {text!r}")
    pace(model, PACE_MS)
    before = cpu(server)
    runs = [client.run(WARM_UPS + number) for number in range(RUNS)]
    used, after = cpu(server) - before, memory(server)
    pace(model, 0)
    sizes = [run.check(subject.result) for run in runs]
    events = sum(events for events, _ in sizes)
    # The first text follows after a turn with a call, whose events the model sends slowly as well. So it is taken at full speed.
    fast = [client.run(WARM_UPS + RUNS + number) for number in range(RUNS)]
    return {
        "events": events / RUNS,
        "kb": sum(size for _, size in sizes) / RUNS / 1000,
        "after_mib": after,
        "run_cpu_ms": used / RUNS * 1000,
        "event_cpu_us": used / events * 1e6,
        "first_event_ms": statistics.median(run.first_event_at - run.sent_at for run in fast) * 1000,
        "first_text_ms": statistics.median(run.first_text_at - run.sent_at for run in fast) * 1000,
    }


def many_clients(subject, server, client, model):
    """Sends runs of several clients at once, for some seconds. The model does not wait."""
    clients = [client, *[server.client() for _ in range(CLIENTS - 1)]]
    for number, other in enumerate(clients):
        other.run(1000 + number)
    counts, problems = [], []

    def send(first, client):
        number, end = first, time.perf_counter() + LOAD_S
        try:
            while time.perf_counter() < end:
                counts.append(client.run(number).check(subject.result)[0])
                number += 1
        except Exception as problem:
            problems.append(problem)

    before, started_at = cpu(server), time.perf_counter()
    threads = [threading.Thread(target=send, args=(10_000 * (n + 1), c)) for n, c in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, used = time.perf_counter() - started_at, cpu(server) - before
    if problems:
        raise problems[0]
    return {
        "events_per_s": sum(counts) / elapsed,
        "busy_cpu_us": used / sum(counts) * 1e6,
        "busy_percent": used / elapsed * 100,
        "loaded_mib": memory(server),
    }


def cpu(server):
    return sum(process.cpu_s() for process in server.processes)


def memory(server):
    return sum(process.memory_mib() for process in server.processes)
