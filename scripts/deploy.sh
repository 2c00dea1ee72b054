#!/bin/sh
# `make deploy`: puts the agent into AWS.
#
# WITH=sam (the default)   all of template.yaml, by SAM. It asks for the parameters the first time and keeps them in
#                          samconfig.toml.
# WITH=cargo-lambda        the function alone, by cargo-lambda, and its URL set right afterwards. No secret, alarm or
#                          rotation is made. Reads:
#   FUNCTION=ag-ui-lambda  its name in AWS
#   ROLE=arn:...           its role, which must read the secrets, write logs and invoke the model; needed the first time
#   URL_AUTH=NONE          NONE lets every request reach the function, which checks the token; or AWS_IAM
#   AGUI_*                 its settings, all of them at each deployment
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
      ! set_here $variable || fail "$variable is for local mode; unset it, and name secrets by AGUI_TOKEN_SECRET_ID and AGUI_APPROVAL_SECRET_ID"
    done
    set_here AGUI_MODEL || fail "AGUI_MODEL must name the model"
    set_here AGUI_TOKEN_SECRET_ID || [ "${AGUI_AUTH:-token}" = authorizer ] ||
      fail "AGUI_TOKEN_SECRET_ID must name the secret of the shared token; docs/deploy.md has how to make one"
    ;;
  *) fail "WITH is $with; it must be sam or cargo-lambda" ;;
esac

# Whose account, and where: asked before anything is built. boto3 does not read AWS_REGION by itself.
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
    sys.exit(f"deploy: AWS can't be asked who you are: {error}. Run `aws configure` or `aws sso login`, or set AWS_PROFILE")
EOF
) || exit 1
account=${place% *}
export AWS_REGION="${place#* }" AWS_DEFAULT_REGION="${place#* }"

if [ "$with" = sam ]; then
  export SAM_CLI_TELEMETRY=0
  say "Building both functions for arm64 (the first time takes some minutes)"
  # SAM hands cargo no flag, so the lockfile is looked at before.
  cargo metadata --locked --format-version 1 >/dev/null
  sam build
  say "Deploying template.yaml to account $account, $AWS_REGION"
  if [ -f samconfig.toml ]; then sam deploy; else sam deploy --guided --capabilities CAPABILITY_IAM; fi
  exit
fi

lambda() { aws lambda "$@" --function-name "$function"; }
# Whether the function is there; else cargo-lambda would make a role for it that may read no secret.
lambda get-function-configuration >/dev/null 2>&1 || set_here ROLE ||
  fail "there is no function $function yet: ROLE must have the ARN of its role; docs/deploy.md has what it may do"

say "Building the function for arm64 (the first time takes some minutes)"
cargo lambda build --locked --release --arm64 --bin ag-ui-lambda

say "Deploying $function to account $account, $AWS_REGION"
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
env | grep '^AGUI_[A-Z0-9_]*=.' >"$settings"
cargo lambda deploy "$function" --binary-name ag-ui-lambda --enable-function-url --env-file "$settings" \
  --memory "${MEMORY_MB:-512}" --timeout "${TIMEOUT_S:-300}" --log-retention "${LOG_RETENTION_DAYS:-30}" \
  ${ROLE:+--role "$ROLE"}

say "Setting right what that leaves wrong"
echo "The log is text, which the counts of docs/deploy.md can't read: JSON."
lambda wait function-updated-v2
lambda update-function-configuration --logging-config LogFormat=JSON,ApplicationLogLevel=INFO,SystemLogLevel=WARN >/dev/null
lambda wait function-updated-v2
echo "The URL is BUFFERED, so that a run would arrive in one piece: RESPONSE_STREAM. Who signs: $url_auth."
lambda update-function-url-config --auth-type "$url_auth" --invoke-mode RESPONSE_STREAM >/dev/null

# The statements that let everybody in: of `lambda:InvokeFunction` only one that is limited to the URL may be there,
# since without the limit everybody could forge whole events; with AWS_IAM none at all.
statements() {
  local policy
  if ! policy=$(lambda get-policy --query Policy --output text 2>&1); then
    case $policy in
      *ResourceNotFoundException*) return ;; # there is none yet
      *) fail "who may call can't be read: $policy" ;;
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
    */) ;; # none is there
    NONE/InvokeFunctionUrl | NONE/InvokeFunction) ;;
    *)
      echo "Everybody may call by the statement $sid ($kind): removed."
      lambda remove-permission --statement-id "$sid"
      ;;
  esac
done
if [ "$url_auth" = NONE ]; then
  echo "The URL is public: everybody reaches the function, and the shared token is what it asks for."
  printf '%s\n' "$found" | grep -q '^InvokeFunctionUrl ' ||
    lambda add-permission --statement-id url --action lambda:InvokeFunctionUrl --principal '*' \
      --function-url-auth-type NONE >/dev/null
  printf '%s\n' "$found" | grep -q '^InvokeFunction ' ||
    lambda add-permission --statement-id through-url --action lambda:InvokeFunction --principal '*' \
      --invoked-via-function-url >/dev/null
else
  echo "Who may call needs lambda:InvokeFunctionUrl and lambda:InvokeFunction in a policy of their own."
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
[ "$may" = "$must" ] || fail "everybody may: ${may:-nothing}; it must be: ${must:-nothing}"
cat <<EOF
The URL streams: $3

curl -N $3 -H "x-agui-token: \$TOKEN" -H 'content-type: application/json' \\
  -d '{"threadId":"thread-1","runId":"run-1","protocolVersion":"1.0","messages":[{"id":"msg-1","role":"user","content":"What is the weather in Tokyo?"}]}'

Not made here, and of template.yaml: alarms, the dashboard, X-Ray, a limit of concurrency, rotation of the secrets.
EOF
