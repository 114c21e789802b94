#!/bin/sh
# Grants the app roles of Defender (and of Microsoft Graph, if asked) to the identity that Cordon runs as: a managed
# identity has no page for them in the portal. Says what it will do and asks first. What is granted already stays as it is,
# so it can be run again. Nothing is ever taken away.
set -eu

usage() {
  cat <<'TEXT'
grant-permissions.sh [--also ROLE]... [--mail] [--yes] PRINCIPAL-ID

  PRINCIPAL-ID  object id of the identity's service principal: the output responderPrincipalId of the deployment
  --also ROLE   also grant a role that only some steps of a playbook need: cordon check lists those of yours. May be
                given more than once. Alert.ReadWrite.All (updateAlert), Machine.ReadWrite.All (tag), Machine.Scan (scan),
                Machine.RestrictExecution (restrictApps, unrestrictApps), Machine.CollectForensics (collectPackage);
                ThreatHunting.Read.All of Microsoft Graph for the queries in hunts/, without which no hunt runs;
                SecurityAlert.Read.All of Microsoft Graph where CORDON_ALERT_SOURCE is graph or both, and
                SecurityAlert.ReadWrite.All for updateAlert there
  --mail        also grant Mail.Send of Microsoft Graph. It opens every mailbox of the tenant: docs/deploy.md has the
                way to open one only, and then this must not be granted, because the two add up
  --yes         do not ask

Wants the Azure CLI, signed in (az login) as somebody who may grant app roles: Privileged Role Administrator.
Exit code 0: everything is granted. 1: something is missing or was refused. 2: the command line is wrong.

  infra/grant-permissions.sh 00000000-0000-0000-0000-000000000000
  infra/grant-permissions.sh --also Machine.Scan --also Machine.ReadWrite.All 00000000-0000-0000-0000-000000000000
TEXT
}

wrong() { echo "grant-permissions: $*" >&2; usage >&2; exit 2; }
fail() { echo "grant-permissions: $*" >&2; exit 1; }

# What only some steps need, in the form of wanted. The ids are looked up by the names.
extra() {
  cat <<'TEXT'
fc780465-2017-40d4-a0c5-307022471b92 Alert.ReadWrite.All - update alerts: state, assignee, verdict, comments
fc780465-2017-40d4-a0c5-307022471b92 Machine.ReadWrite.All - put tags on machines and take them off
fc780465-2017-40d4-a0c5-307022471b92 Machine.RestrictExecution - restrict apps on machines, and end that
fc780465-2017-40d4-a0c5-307022471b92 Machine.Scan - scan machines for malware
fc780465-2017-40d4-a0c5-307022471b92 Machine.CollectForensics - collect investigation packages of machines
00000003-0000-0000-c000-000000000000 ThreatHunting.Read.All dd98c7f5-2d42-42d3-a0e4-633161547251 run hunting queries
00000003-0000-0000-c000-000000000000 SecurityAlert.Read.All 472e4a4d-bb4a-4026-98d1-0b0d74cb74a5 find alerts by Microsoft Graph
00000003-0000-0000-c000-000000000000 SecurityAlert.ReadWrite.All ed4fca05-be46-441f-9803-1873825f8fdb update alerts by Microsoft Graph
TEXT
}

principal='' yes='' mail='' also=' '
while [ $# -gt 0 ]; do
  case $1 in
    --yes) yes=1 ;;
    --mail) mail=1 ;;
    --also)
      [ $# -gt 1 ] || wrong '--also wants a role'
      extra | awk -v role="$2" '$2 == role { found = 1 } END { exit !found }' || wrong "$2 is no role that a step, a hunt or a source of alerts needs"
      also="$also$2 "
      shift ;;
    -h | --help) usage; exit 0 ;;
    -*) wrong "unknown flag $1" ;;
    *) [ -z "$principal" ] || wrong "one principal, not two: $principal and $1"; principal=$1 ;;
  esac
  shift
done
case $principal in
  '') wrong 'PRINCIPAL-ID is missing' ;;
  *[!0-9a-fA-F-]*) wrong "$principal is no object id" ;;
esac
[ ${#principal} -eq 36 ] || wrong "$principal is no object id"
command -v az >/dev/null || fail 'the Azure CLI (az) is missing: https://learn.microsoft.com/cli/azure/install-azure-cli'

graph=$(az cloud show --query endpoints.microsoftGraphResourceId -o tsv) || fail 'the Azure CLI cannot be asked: run az login'
graph=${graph%/}/v1.0

# read_graph URL QUERY: what a GET answers, as text.
read_graph() { az rest --method get --url "$graph/$1" --query "$2" -o tsv; }

name=$(read_graph "servicePrincipals/$principal" displayName) || fail "there is no service principal $principal in this tenant"
granted=$(read_graph "servicePrincipals/$principal/appRoleAssignments" 'value[].appRoleId') || fail "the roles of $name cannot be read"

# What is granted: application id of the API, role, its published id, and why. The id is looked up by the role's name; one
# that differs from the published one is refused.
wanted() {
  cat <<'TEXT'
fc780465-2017-40d4-a0c5-307022471b92 Alert.Read.All 71fe6b80-7034-4028-9ed8-0f316df9c3ff find alerts
fc780465-2017-40d4-a0c5-307022471b92 Machine.Read.All ea8291d3-4b9a-44b5-bc3a-6cea3026dc79 read machines and what became of actions
fc780465-2017-40d4-a0c5-307022471b92 Machine.Isolate 7e4e1300-e1b9-4102-88ba-f0cb6e6d5974 isolate machines, cancel an isolation of its own
TEXT
  extra | while read -r api role rest; do
    case $also in *" $role "*) echo "$api $role $rest" ;; esac
  done
  [ -z "$mail" ] || echo '00000003-0000-0000-c000-000000000000 Mail.Send - send mail, as every mailbox of the tenant'
}

plan=$(mktemp)
trap 'rm -f "$plan"' EXIT
echo "Principal: $name ($principal)"
wanted | while read -r api role published why; do
  resource=$(read_graph "servicePrincipals?\$filter=appId%20eq%20'$api'&\$select=id" 'value[0].id') || fail "the API $api cannot be looked up"
  if [ -z "$resource" ] || [ "$resource" = None ]; then
    fail "the API $api is not in this tenant; make its service principal first: az ad sp create --id $api"
  fi
  id=$(read_graph "servicePrincipals/$resource?\$select=appRoles" "appRoles[?value=='$role'].id | [0]") || fail "the roles of $api cannot be read"
  if [ -z "$id" ] || [ "$id" = None ]; then fail "the API $api has no role $role"; fi
  if [ "$published" != - ] && [ "$published" != "$id" ]; then fail "$role has the id $id, published is $published: not granted, look into it"; fi
  if echo "$granted" | grep -qxF "$id"; then
    echo "  is granted   $role: $why"
  else
    echo "  will grant   $role: $why"
    echo "$resource $id $role" >>"$plan"
  fi
done || exit 1

if [ ! -s "$plan" ]; then echo 'Nothing to do.'; exit 0; fi
if [ -z "$yes" ]; then
  printf 'Grant them? [y/N] '
  read -r answer || answer=''
  case $answer in y | Y | yes) ;; *) echo 'Nothing was changed.'; exit 1 ;; esac
fi
while read -r resource id role; do
  az rest --method post --url "$graph/servicePrincipals/$resource/appRoleAssignedTo" --headers Content-Type=application/json \
    --body "{\"principalId\":\"$principal\",\"resourceId\":\"$resource\",\"appRoleId\":\"$id\"}" >/dev/null </dev/null || fail "$role was not granted"
  echo "  granted      $role"
done <"$plan"
echo 'Tokens are kept for up to a day: a running app may be refused for as long. Grant before the first start, or restart it.'
