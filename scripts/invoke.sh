#!/bin/sh
# `make invoke`: sends an event to the function that `make run` serves, as Lambda's own API does, and prints the answer as
# it streams.
#
# EVENT=events/...  the event; the sample token in it is replaced by the token of this machine
# TARGET=target     where cargo builds
set -eu

target=${TARGET:-target}
[ -f "$target/ag-ui-local-address" ] || { echo "nothing is served: start \`make run\` in another terminal" >&2; exit 1; }
address=$(cat "$target/ag-ui-local-address")
token=$(sed 's/.*"token":"\([^"]*\)".*/\1/' "$target/ag-ui-local.json")
sed "s/sample-token-for-local-use/$token/g" "$EVENT" |
  curl -sSN -i "http://$address/2015-03-31/functions/function/invocations" -H "x-agui-dev-key: $token" --data-binary @-
echo
