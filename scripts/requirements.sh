#!/bin/sh
# `make requirements`: pins the packages of each requirements.in and their dependencies, with the hashes of every file of each
# version, so that one list works for Linux and macOS on both processors.
set -eu

cd "$(dirname -- "$0")/.."
uv=target/uv
[ -x $uv/bin/python ] || python3 -m venv $uv
$uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

for folder in tests deploy tests/checkov benches/compare/ag2 benches/compare/pydantic-ai benches/compare/strands; do
  pins=target/requirements-${folder##*/}.txt
  # Pinned versions stay unchanged, unless this script is called with --upgrade.
  cp $folder/requirements.txt $pins
  $uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header \
    --no-annotate "$@" $folder/requirements.in --output-file $pins
  {
    echo "# Made by \`make requirements\` of requirements.in, for Python 3.11 and later."
    # A package that is pinned with extras is also pinned without them: pip before 23.3 treats the two as different.
    python3 scripts/without-extras.py <$pins
  } >$folder/requirements.txt
done
