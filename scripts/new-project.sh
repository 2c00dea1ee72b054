#!/bin/sh
# `make new`: makes a project of your own from the template in starter/, with this checkout as its library.
#
# DIR=../my-agent  the folder of the project, outside of this repository. Its name is the name of the project
#
# cargo-lambda makes the project. `make deploy` installs it together with SAM, which is large; if that was not done yet, this
# script installs cargo-lambda alone.
set -eu

stop() {
  echo "new: $1" >&2
  exit 1
}

word() { # word <path>: prints it as a word of the shell, in quotes if it needs them
  case $1 in
    *[!A-Za-z0-9_./+,:@%-]*) printf "'%s'\n" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

root=$(cd "$(dirname "$0")/.." && pwd -P)
[ -n "${DIR:-}" ] || stop "DIR is not set: make new DIR=../my-agent makes a project in this folder"
name=$(basename "$DIR")
parent=$(cd "$(dirname "$DIR")" 2>/dev/null && pwd -P) || stop "there is no folder $(dirname "$DIR")"
if [ -e "$DIR" ] || [ -L "$DIR" ]; then stop "$DIR exists already"; fi
case $parent/ in
  "$root"/*) stop "$DIR is in this repository: choose a folder beside it, such as ../$name" ;;
esac
# It is the name of a package, of a program and of a stack.
case $name in
  [!a-z]* | *[!a-z0-9-]* | *- | *--* | ?) stop "the project cannot be named $name: use two or more small letters, digits and single hyphens, and begin with a letter" ;;
  ag-ui-* | alloc | build | core | deps | examples | incremental | proc-macro | rotate | std | test) stop "the project cannot be named $name, because something else has this name" ;;
esac
[ "${#name}" -le 40 ] || stop "the name $name has ${#name} characters; at most 40 fit into the names of its stacks"

if ! command -v cargo-lambda >/dev/null; then
  tools=$root/target/tools/cargo-lambda
  mkdir -p "$tools"
  # The pinned version, with its hashes. A package that it needs only for building is left out.
  awk '/^cargo-lambda==/ { found = 1 } found { print } found && !/\\$/ { exit }' "$root/deploy/requirements.txt" >"$tools/wanted.txt"
  if ! cmp -s "$tools/wanted.txt" "$tools/installed.txt"; then
    echo "new: installing cargo-lambda into target/tools"
    [ -x "$tools/bin/python" ] || python3 -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$tools/wanted.txt"
    mv "$tools/wanted.txt" "$tools/installed.txt"
  fi
  PATH=$tools/bin:$PATH
fi

(cd "$parent" && cargo-lambda lambda new "$name" --template "$root/starter" --no-interactive --render-var "ag_ui_lambda=$root" >/dev/null) ||
  stop "cargo-lambda has failed; its lines above say why"
# With the versions that are tested here. Cargo removes what the project does not use.
cp "$root/Cargo.lock" "$parent/$name/Cargo.lock"

echo "The project $name is in $parent/$name. What you can do next:"
echo "  cd $(word "$DIR") && make run      # serves it on this machine, with a page"
echo "  cd $(word "$DIR") && make          # lists all commands"
echo "  $root/docs/getting-started.md"
echo "                           # the next steps: a tool, callers, an approval, a test, a deployment"
