#!/bin/sh
# `make run`: serves the function on this machine and streams one sample run to the terminal.
#
# moto plays Secrets Manager, cargo-lambda plays Lambda and its function URL, the scripted model plays the model: no
# account, no key, no network. In a terminal it then serves until Ctrl-C; elsewhere it stops after the sample run,
# and succeeds if that ended in RUN_FINISHED.
#
# FUNCTION=dojo serves an example (examples/dojo) in place of the template's function
# PORT=9000     where the function listens (without PORT, any free port if 9000 is taken)
# AGUI_*        go to the function; AGUI_MODEL and AGUI_SCRIPTED_DELAY_MS have the defaults below
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
PATH="$root/.venv/bin:$PATH"
run=$root/target/run
token=sample-token-for-local-use
if [ -n "${FUNCTION:-}" ]; then target="--package $FUNCTION"; else target="--bin ag-ui-lambda"; fi
moto='' watch=''

say() { printf '\n== %s\n' "$*"; }

# Stops what this script started, the function under cargo-lambda included.
stop() {
  trap - EXIT INT TERM HUP
  rm -f "$run/port"
  for pid in $watch $moto; do kill "$pid" 2>/dev/null || true; done
  for pid in $watch $moto; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Prints the first free one of the given ports; 0 is any.
free_port() {
  python3 - "$@" <<'EOF'
import socket, sys

for port in map(int, sys.argv[1:]):
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(candidate.getsockname()[1])
        sys.exit()
sys.exit(f"port {sys.argv[1]} is taken")
EOF
}

# wait_for NAME PID LOG COMMAND...: repeats the command until it succeeds, for 60 s at most. Gives up earlier when the
# process has ended, or when cargo-lambda says that the function has.
wait_for() {
  name=$1 pid=$2 log=$3
  shift 3
  end=$(($(date +%s) + 60))
  until "$@" >/dev/null 2>&1; do
    if [ "$(date +%s)" -ge "$end" ] || ! kill -0 "$pid" 2>/dev/null || grep -q 'command exited' "$log"; then
      echo "$name does not answer. The end of $log:" >&2
      tail -n 30 "$log" >&2
      exit 1
    fi
    sleep 0.2
  done
}

say "Building the function (the first time takes some minutes)"
cargo build --locked $target
mkdir -p "$run"

moto_port=$(free_port 0)
moto_url=http://127.0.0.1:$moto_port
say "Starting Secrets Manager (moto, $moto_url) with the secret ag-ui-lambda/token"
moto_server -H 127.0.0.1 -p "$moto_port" >"$run/moto.log" 2>&1 </dev/null &
moto=$!
wait_for moto "$moto" "$run/moto.log" curl -fsS -m 5 "$moto_url/moto-api/data.json"
# moto finds the service by the scope of the credentials; it checks no signature.
scope='local/20260101/us-east-1/secretsmanager/aws4_request'
curl -fsS -m 60 "$moto_url/" -H 'content-type: application/x-amz-json-1.1' \
  -H "authorization: AWS4-HMAC-SHA256 Credential=$scope, SignedHeaders=host, Signature=none" \
  -H 'x-amz-target: secretsmanager.CreateSecret' \
  -d "{\"Name\":\"ag-ui-lambda/token\",\"SecretString\":\"{\\\"token\\\":\\\"$token\\\"}\"}" | grep -q '"ARN"' || { echo "moto made no secret" >&2; exit 1; }

port=$(free_port ${PORT:-9000 0})
url=http://127.0.0.1:$port
say "Starting the function (cargo lambda watch, $url)"
unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ENDPOINT_URL="$moto_url" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export AGUI_LOCAL=1 AGUI_TOKEN_SECRET_ID=ag-ui-lambda/token
# Of this run alone: without a key, tools that wait for a person are closed.
[ -n "${AGUI_APPROVAL_SECRET_ID:-}" ] || export AGUI_APPROVAL_KEY="${AGUI_APPROVAL_KEY:-sample-key-for-local-use-of-32-characters}"
export AGUI_MODEL="${AGUI_MODEL:-scripted/demo}" AGUI_SCRIPTED_DELAY_MS="${AGUI_SCRIPTED_DELAY_MS:-30}"
# It starts in target/run because it puts a file watch on every folder below the one it starts in,
# --ignore-changes or not.
(
  cd "$run"
  exec cargo-lambda lambda watch --locked --manifest-path "$root/Cargo.toml" $target --ignore-changes \
    --invoke-address 127.0.0.1 --invoke-port "$port"
) >"$run/function.log" 2>&1 </dev/null &
watch=$!
wait_for "the function" "$watch" "$run/function.log" curl -fsS -m 10 "$url/health"
echo "$port" >"$run/port"

sample() {
  printf '{"threadId":"thread-1","runId":"%s","protocolVersion":"1.0","state":{},"messages":[{"id":"msg-1","role":"user","content":"%s"}],"tools":[],"context":[],"forwardedProps":{}}' "$1" "$2"
}

say "A run: What is the weather in Tokyo?"
curl -sSN -m 60 "$url/" -H "x-agui-token: $token" -H 'content-type: application/json' -H 'accept: text/event-stream' \
  -d "$(sample run-1 'What is the weather in Tokyo?')" | tee "$run/sample.sse"
if ! grep '^data:' "$run/sample.sse" | tail -n 1 | grep -q '"type": *"RUN_FINISHED"'; then
  echo "The run did not end in RUN_FINISHED. The end of $run/function.log:" >&2
  tail -n 30 "$run/function.log" >&2
  exit 1
fi

say "It ended in RUN_FINISHED. The next one:"
cat <<EOF

curl -N $url/ -H 'x-agui-token: $token' -H 'content-type: application/json' \\
  -d '$(sample run-2 'What is the weather in Tokyo and Paris?')'

make invoke EVENT=events/function-url-parallel.json

Logs: target/run/function.log and target/run/moto.log
EOF

if [ -t 0 ] && [ -t 1 ]; then
  say "Serving until Ctrl-C"
  trap 'exit 0' INT
  wait "$watch"
else
  say "Not a terminal: stopping"
fi
