#!/bin/sh
# `make deploy`: deploys the agent to AWS.
#
# WITH=sam (the default)   deploys template.yaml with SAM. It asks for the parameters the first time and stores them in
#                          samconfig.toml.
# WITH=cargo-lambda        deploys only the function with cargo-lambda, and then corrects its URL. It creates no secret, alarm
#                          or rotation. It reads these variables:
#   FUNCTION=ag-ui-lambda  its name in AWS
#   ROLE=arn:...           its role, which must read the secrets, write logs and invoke the model; required the first time
#   URL_AUTH=NONE          NONE lets every request reach the function, which checks the token; or AWS_IAM
#   AGUI_*                 its settings; each deployment replaces all of them
set -eu

cd "$(dirname -- "$0")/.."
PATH="$PWD/.venv/bin:$PWD/.venv-sam/bin:$PATH"
fail() { printf 'deploy: %s\n' "$*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }
set_here() { eval "[ -n \"\${$1:-}\" ]"; }

with=${WITH:-sam}
function=${FUNCTION:-ag-ui-lambda}
url_auth=${URL_AUTH:-NONE}
case $with in
  sam)
    [ -f samconfig.toml ] || [ -t 0 ] ||
      fail "there is no samconfig.toml and no terminal to ask for parameters; run it in a terminal once"
    ;;
  cargo-lambda)
    command -v aws >/dev/null || fail "aws is missing: install the AWS CLI"
    case $url_auth in NONE | AWS_IAM) ;; *) fail "URL_AUTH is $url_auth; it must be NONE or AWS_IAM" ;; esac
    for variable in AGUI_LOCAL AGUI_TOKEN AGUI_APPROVAL_KEY; do
      ! set_here $variable || fail "$variable is for local mode; unset it, and set AGUI_TOKEN_SECRET_ID and AGUI_APPROVAL_SECRET_ID to names of secrets"
    done
    set_here AGUI_MODEL || fail "AGUI_MODEL must name the model"
    set_here AGUI_TOKEN_SECRET_ID || [ "${AGUI_AUTH:-token}" = authorizer ] ||
      fail "AGUI_TOKEN_SECRET_ID must name the secret of the shared token; docs/deploy.md says how to create one"
    ;;
  *) fail "WITH is $with; it must be sam or cargo-lambda" ;;
esac

# Finds the account and the region before anything is built. boto3 does not read AWS_REGION.
[ -z "${AWS_REGION:-}" ] || export AWS_DEFAULT_REGION="$AWS_REGION"
place=$(
  python - <<'EOF'
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

try:
    session = boto3.Session()
    if not session.region_name:
        sys.exit("deploy: there is no region: set AWS_REGION, or the region of your profile")
    sts = session.client("sts", config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2}))
    print(sts.get_caller_identity()["Account"], session.region_name)
except (BotoCoreError, ClientError) as error:
    sys.exit(f"deploy: AWS does not accept your credentials: {error}. Run `aws configure` or `aws sso login`, or set AWS_PROFILE")
EOF
) || exit 1
account=${place% *}
export AWS_REGION="${place#* }" AWS_DEFAULT_REGION="${place#* }"

if [ "$with" = sam ]; then
  export SAM_CLI_TELEMETRY=0
  say "Building both functions for arm64 (the first time takes some minutes)"
  # SAM passes no flags to cargo, so the lockfile is checked before.
  cargo metadata --locked --format-version 1 >/dev/null
  sam build
  say "Deploying template.yaml to account $account, $AWS_REGION"
  if [ -f samconfig.toml ]; then sam deploy; else sam deploy --guided --capabilities CAPABILITY_IAM; fi
  exit
fi

lambda() { aws lambda "$@" --function-name "$function"; }
# If the function does not exist and ROLE is not set, cargo-lambda would create a role that may read no secret.
lambda get-function-configuration >/dev/null 2>&1 || set_here ROLE ||
  fail "there is no function $function yet: set ROLE to the ARN of its role; docs/deploy.md lists its permissions"

say "Building the function for arm64 (the first time takes some minutes)"
cargo lambda build --locked --release --arm64 --bin ag-ui-lambda

say "Deploying $function to account $account, $AWS_REGION"
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
env | grep '^AGUI_[A-Z0-9_]*=.' >"$settings"
cargo lambda deploy "$function" --binary-name ag-ui-lambda --enable-function-url --env-file "$settings" \
  --memory "${MEMORY_MB:-512}" --timeout "${TIMEOUT_S:-300}" --log-retention "${LOG_RETENTION_DAYS:-30}" \
  ${ROLE:+--role "$ROLE"}

say "Correcting the settings that cargo-lambda leaves"
echo "Log format: JSON. The metrics of docs/deploy.md cannot be read from text."
lambda wait function-updated-v2
lambda update-function-configuration --logging-config LogFormat=JSON,ApplicationLogLevel=INFO,SystemLogLevel=WARN >/dev/null
lambda wait function-updated-v2
echo "Function URL: RESPONSE_STREAM, so that runs stream, and authentication $url_auth."
lambda update-function-url-config --auth-type "$url_auth" --invoke-mode RESPONSE_STREAM >/dev/null

# Prints the statements that allow every caller. `lambda:InvokeFunction` is allowed only with the limit to the URL, because
# without it every caller could invoke the function with forged events. With AWS_IAM no such statement is allowed.
statements() {
  local policy
  if ! policy=$(lambda get-policy --query Policy --output text 2>&1); then
    case $policy in
      *ResourceNotFoundException*) return ;; # the function has no policy yet
      *) fail "the policy of the function cannot be read: $policy" ;;
    esac
  fi
  python -c '
import json, sys

for statement in json.loads(sys.argv[1])["Statement"]:
    principal = statement["Principal"]
    named = principal if isinstance(principal, str) else principal.get("AWS", [])
    if "*" in ([named] if isinstance(named, str) else named):
        limits = statement.get("Condition", {})
        kind = {
            "lambda:InvokeFunctionUrl": "InvokeFunctionUrl",
            "lambda:InvokeFunction": "InvokeFunction"
            if limits == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
            else "unlimited",
        }.get(str(statement["Action"]), "other")
        print(kind, statement["Sid"])
' "$policy"
}
found=$(statements)
printf '%s\n' "$found" | while read -r kind sid; do
  case $url_auth/$kind in
    */) ;; # there is no statement
    NONE/InvokeFunctionUrl | NONE/InvokeFunction) ;;
    *)
      echo "Removed the statement $sid ($kind), which allowed every caller."
      lambda remove-permission --statement-id "$sid"
      ;;
  esac
done
if [ "$url_auth" = NONE ]; then
  echo "The URL is public: every request reaches the function, which requires the shared token."
  printf '%s\n' "$found" | grep -q '^InvokeFunctionUrl ' ||
    lambda add-permission --statement-id url --action lambda:InvokeFunctionUrl --principal '*' \
      --function-url-auth-type NONE >/dev/null
  printf '%s\n' "$found" | grep -q '^InvokeFunction ' ||
    lambda add-permission --statement-id through-url --action lambda:InvokeFunction --principal '*' \
      --invoked-via-function-url >/dev/null
else
  echo "Callers need lambda:InvokeFunctionUrl and lambda:InvokeFunction in their own policies."
fi

say "Checking"
is=$(lambda get-function-url-config --query '[AuthType,InvokeMode,FunctionUrl]' --output text)
# shellcheck disable=SC2086 # three words
set -- $is
[ "$1 $2" = "$url_auth RESPONSE_STREAM" ] || fail "the URL is $1 and $2; it must be $url_auth and RESPONSE_STREAM"
found=$(statements)
may=$([ -z "$found" ] || printf '%s\n' "$found" | cut -d ' ' -f 1 | sort | tr '\n' ' ')
must=
[ "$url_auth" = AWS_IAM ] || must='InvokeFunction InvokeFunctionUrl '
[ "$may" = "$must" ] || fail "every caller is allowed: ${may:-nothing}; it must be: ${must:-nothing}"
cat <<EOF
The URL streams: $3

curl -N $3 -H "x-agui-token: \$TOKEN" -H 'content-type: application/json' \\
  -d '{"threadId":"thread-1","runId":"run-1","protocolVersion":"1.0","messages":[{"id":"msg-1","role":"user","content":"What is the weather in Tokyo?"}]}'

Only template.yaml creates alarms, the dashboard, X-Ray traces, a concurrency limit and the rotation of the secrets.
EOF
