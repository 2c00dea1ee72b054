#!/bin/sh
# `make sizes`: how many bytes of zip each feature costs, for arm64 as `make build` packages it. Takes long: the
# function is linked once for each row.
set -eu

cd "$(dirname -- "$0")/.."

size() { # size <label> <features>
  cargo lambda build --release --arm64 --output-format zip --package ag-ui-function --bin ag-ui-lambda \
    --no-default-features --features "$2" >target/sizes.log 2>&1 || { cat target/sizes.log >&2; exit 1; }
  printf '%-28s %9s\n' "$1" "$(wc -c <target/lambda/ag-ui-lambda/bootstrap.zip)"
}

mkdir -p target
size 'aws' aws
size 'aws, bedrock' aws,bedrock
size 'aws, hosted' aws,hosted
size 'aws, bedrock, hosted' aws,bedrock,hosted # the default; last, so that it is what stays packaged
