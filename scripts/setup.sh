#!/bin/sh
# Installs Bun and the dependencies for package.json's scripts. If they are there already, it takes 30 ms and prints nothing.
# Writes only to node_modules: Bun goes to node_modules/.runtime, with a link in node_modules/.bin.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
wanted=$(sed -n 's/.*"packageManager": "bun@\([0-9.]*\)".*/\1/p' package.json)

main() {
  if ! mkdir -p node_modules/.bin 2>/dev/null || ! [ -w node_modules ]; then
    use_as_it_is
    return
  fi
  take_turn
  has_bun || install_bun
  quietly bun install --frozen-lockfile
  case $output in *"no changes"*) ;; *) echo "Installed the dependencies into node_modules" ;; esac
  cmp -s bun.lock node_modules/.installed || cp bun.lock node_modules/.installed
}

# A checkout that this user cannot write to is used if somebody has set it up. `bun install` cannot tell: it writes links anew.
use_as_it_is() {
  ! has_bun || ! cmp -s bun.lock node_modules/.installed || return 0
  fail "$PWD cannot be written by this user, and is not set up: run \"sh scripts/setup.sh\" there as a user who may write to it, or copy it to a folder of your own"
}

# One set-up at a time. The lock is a link that names its process, so that the lock of a dead process can be removed.
take_turn() {
  until ln -s "$$" node_modules/.setup 2>/dev/null; do
    kill -0 "$(readlink node_modules/.setup)" 2>/dev/null || rm -f node_modules/.setup
    sleep 0.2
  done
  trap 'rm -f node_modules/.setup' EXIT
  trap 'exit 130' INT TERM
}

has_bun() {
  found=$(bun --version 2>/dev/null) || return 1
  [ "$wanted" = "$(printf '%s\n' "$found" "$wanted" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" ]
}

install_bun() {
  command -v npm >/dev/null ||
    fail "Muster needs Bun $wanted or later, or npm to install it: see https://bun.com/docs/installation"
  echo "Installing Bun $wanted into node_modules"
  rm -rf node_modules/.runtime
  mkdir node_modules/.runtime
  quietly npm install --no-save --no-package-lock --no-audit --no-fund --prefix node_modules/.runtime "bun@$wanted"
  package=node_modules/.runtime/node_modules/bun
  # The package's postinstall script puts the binary in place, but npm may be configured not to run scripts.
  "$package/bin/bun.exe" --version >/dev/null 2>&1 || quietly node "$package/install.js"
  for name in bun bunx; do ln -sf "../../$package/bin/$name.exe" "node_modules/.bin/$name"; done
}

# Prints the output of a command only if it fails.
quietly() {
  output=$("$@" 2>&1) || fail "$output
This failed: $*"
}

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

main
