#!/bin/sh
# `make invoke`: sends an event to the function that `make run` serves, with the path of Lambda's own API, and prints the
# response as it streams.
#
# EVENT=events/...  the event. Its sample token is replaced by the token of this machine
# TARGET=target     the folder in which cargo builds, if it is not the one that cargo names
set -eu

# What cargo names, because CARGO_TARGET_DIR or a setting of cargo can choose another folder than target.
target_of_cargo() {
  cargo metadata --offline --no-deps --format-version 1 2>/dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
target=${TARGET:-$(target_of_cargo)}
target=${target:-${CARGO_TARGET_DIR:-target}}
[ -f "$target/ag-ui-local-address" ] || { echo "no function is served here: start \`make run\` in another terminal" >&2; exit 1; }
[ -r "$EVENT" ] || { echo "there is no file $EVENT: set EVENT=events/... to an event" >&2; exit 1; }
{ read -r address; read -r token; } <"$target/ag-ui-local-address"
escaped=$(printf '%s' "$token" | sed 's/[&/\]/\\&/g')
sed "s/sample-token-for-local-use/$escaped/g" "$EVENT" |
  curl -sSN -i "http://$address/2015-03-31/functions/function/invocations" -H "x-agui-dev-key: $token" --data-binary @-
echo
