#!/bin/sh
# Lets the app's identity write its package, and takes that back. An app can act as every identity that is attached to
# it, and a deployment writes the package as one of them: so at rest none of them may. With a command it does both, and
# takes the right back whatever becomes of the command.
set -eu

usage() {
  cat <<'TEXT'
package-access.sh open|close PRINCIPAL-ID CONTAINER-ID
package-access.sh while PRINCIPAL-ID CONTAINER-ID COMMAND [ARGUMENT]...

  PRINCIPAL-ID  object id of the platform's identity: the output platformPrincipalId of the deployment
  CONTAINER-ID  resource id of the package's container: the output packageContainerId
  COMMAND       what deploys the package

Wants the Azure CLI, signed in as somebody who may assign roles on the container. A new right needs a minute or more to
count: open waits CORDON_ACCESS_WAIT seconds (60).
Exit code 0: done. 1: it was refused, or close found that somebody may still write; otherwise that of the command.
2: the command line is wrong.
TEXT
}

wrong() { echo "package-access: $*" >&2; usage >&2; exit 2; }
fail() { echo "package-access: $*" >&2; exit 1; }

role='Storage Blob Data Contributor'

open_access() {
  az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
    --role "$role" --scope "$container" --output none || fail 'the right to write the package was not given'
  echo "package-access: $principal may write the package; waiting until that counts"
  sleep "${CORDON_ACCESS_WAIT:-60}"
}

# more prints the assignments of the identity that let it do more than read, those from above the container too.
more() {
  az role assignment list --scope "$container" --include-inherited --output tsv \
    --query "[?principalId=='$principal' && roleDefinitionName!='Storage Blob Data Reader'].id" ||
    fail 'who may write the package cannot be read'
}

close_access() {
  more >"$list"
  while read -r id; do
    case $id in
      "$container"/*) az role assignment delete --ids "$id" --output none </dev/null || fail "not taken back: $id" ;;
    esac
  done <"$list"
  more >"$list"
  [ ! -s "$list" ] || fail "$principal may still write the package: $(cat "$list")"
  echo "package-access: $principal may read the package only"
}

case ${1:-} in
  -h | --help) usage; exit 0 ;;
  open | close) [ $# -eq 3 ] || wrong "$1 wants two ids" ;;
  while) [ $# -ge 4 ] || wrong 'while wants two ids and a command' ;;
  *) wrong 'say open, close or while' ;;
esac
action=$1 principal=$2 container=$3
shift 3
case $principal in
  *[!0-9a-fA-F-]*) wrong "$principal is no object id" ;;
esac
[ ${#principal} -eq 36 ] || wrong "$principal is no object id"
case $container in
  /subscriptions/*/resourceGroups/*/providers/Microsoft.Storage/storageAccounts/*/blobServices/default/containers/*) ;;
  *) wrong "$container is no resource id of a container" ;;
esac
command -v az >/dev/null || fail 'the Azure CLI (az) is missing: https://learn.microsoft.com/cli/azure/install-azure-cli'

list=$(mktemp)
case $action in
  open)
    trap 'rm -f "$list"' EXIT
    open_access ;;
  close)
    trap 'rm -f "$list"' EXIT
    close_access ;;
  while)
    trap 'close_access; rm -f "$list"' EXIT
    trap 'exit 130' INT TERM HUP
    open_access
    "$@" ;;
esac
