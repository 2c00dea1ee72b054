#!/bin/sh
# `make sizes`: prints the size of the zip with each set of features, for arm64 as `make build` packages it. It takes long,
# because the function is linked once for each row.
set -eu

cd "$(dirname -- "$0")/.."

size() { # size <label> <features of the library beside `lambda`>
  cargo lambda build --locked --release --arm64 --output-format zip --package ag-ui-function --bin ag-ui-lambda \
    --no-default-features --features "$2" >target/sizes.log 2>&1 || { cat target/sizes.log >&2; exit 1; }
  printf '%-56s %9s\n' "$1" "$(wc -c <target/lambda/ag-ui-lambda/bootstrap.zip)"
}

mkdir -p target
table=ag-ui-lambda/dynamodb
size 'lambda, validate' ''
size 'lambda, validate, dynamodb' $table
size 'lambda, validate, dynamodb, bedrock' $table,ag-ui-lambda/bedrock
size 'lambda, validate, dynamodb, http-models' $table,ag-ui-lambda/http-models
size 'lambda, validate, dynamodb, bedrock, http-models' ag-ui-lambda/default # last, so that the default package remains
