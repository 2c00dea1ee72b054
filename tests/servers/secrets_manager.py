"""moto for the tests: serves AWS on a free port, prints its URL, and ends when its standard input does.

A test process that dies takes its end of the pipe with it, so no server is left behind.
"""

import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
server.stop()
