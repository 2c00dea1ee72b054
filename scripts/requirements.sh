#!/bin/sh
# `make requirements`: pins what tests/requirements.in and deploy/requirements.in name, and all that they need, with the
# hashes of every file of each version, so that one list serves Linux and macOS on both processors.
set -eu

cd "$(dirname -- "$0")/.."
uv=target/uv
[ -x $uv/bin/python ] || python3 -m venv $uv
$uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

for folder in tests deploy; do
  pins=target/requirements-$folder.txt
  # What is pinned stays as it is, unless `scripts/requirements.sh --upgrade` says otherwise.
  cp $folder/requirements.txt $pins
  $uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header \
    --no-annotate "$@" $folder/requirements.in --output-file $pins
  {
    echo "# Made by \`make requirements\` of requirements.in, for Python 3.11 and later."
    # A package that is pinned with extras is pinned without them as well: pip before 23.3 takes them for two.
    python3 scripts/without-extras.py <$pins
  } >$folder/requirements.txt
done
