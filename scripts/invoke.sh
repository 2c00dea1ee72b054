#!/bin/sh
# `make invoke`: sends an event to the function that `make run` serves, as Lambda's own API does, and prints the answer as
# it streams.
#
# EVENT=events/...  the event; the sample token in it is replaced by the token of this machine
# TARGET=target     where cargo builds
set -eu

target=${TARGET:-target}
[ -f "$target/ag-ui-local-address" ] || { echo "nothing is served: start \`make run\` in another terminal" >&2; exit 1; }
[ -r "$EVENT" ] || { echo "there is no event $EVENT: EVENT=events/... names one" >&2; exit 1; }
{ read -r address; read -r token; } <"$target/ag-ui-local-address"
escaped=$(printf '%s' "$token" | sed 's/[&/\]/\\&/g')
sed "s/sample-token-for-local-use/$escaped/g" "$EVENT" |
  curl -sSN -i "http://$address/2015-03-31/functions/function/invocations" -H "x-agui-dev-key: $token" --data-binary @-
echo
