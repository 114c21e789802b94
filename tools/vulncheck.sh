#!/bin/sh
# Looks for known vulnerabilities that the program reaches. A finding fails. Where the database of vulnerabilities can not
# be reached, as in a closed network, it says that nothing was checked and does not fail. Run it at the root of the
# repository; arguments go to govulncheck.
set -eu
out=$(mktemp)
trap 'rm -f "$out"' EXIT
code=0
"${GO:-go}" tool -modfile=tools/go.mod govulncheck "$@" ./... >"$out" 2>&1 || code=$?
if [ "$code" = 0 ]; then
  echo "govulncheck: no known vulnerability is reached"
elif grep -q '^govulncheck: fetching vulnerabilities:' "$out"; then
  echo "govulncheck: NOT RUN, its database can not be reached from here:"
  cat "$out"
else
  cat "$out"
  exit 1
fi
