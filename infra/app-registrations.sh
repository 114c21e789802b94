#!/bin/sh
# Makes the two app registrations that people sign in with: Cordon (pages and operator API) and Cordon CLI (the command
# line). Says what it will do and asks first. What is as it should be stays as it is, so it can be run again. Nothing is
# ever deleted, and nobody is assigned a role.
set -eu

usage() {
  cat <<'TEXT'
app-registrations.sh [--identity PRINCIPAL-ID] [--name NAME] [--yes] APP-URL

  APP-URL                  where people reach the app, such as https://cordon.example.com: CORDON_APP_URL
  --identity PRINCIPAL-ID  object id of the managed identity that CORDON_CLIENT_ID names: the output
                           responderPrincipalId of the deployment. It vouches for the registration, which needs no
                           secret then. Without it, set CORDON_SIGNIN_SECRET or CORDON_SIGNIN_CERTIFICATE
  --name NAME              how people know the app; default Cordon
  --yes                    do not ask

Wants the Azure CLI, signed in (az login) as somebody who may register apps and consent for everybody: Cloud
Application Administrator.
Exit code 0: everything is there. 1: something is missing or was refused. 2: the command line is wrong.

  infra/app-registrations.sh --identity 00000000-0000-0000-0000-000000000000 https://cordon.example.com
TEXT
}

wrong() { echo "app-registrations: $*" >&2; usage >&2; exit 2; }
fail() { echo "app-registrations: $*" >&2; exit 1; }

app='' identity='' yes='' name=Cordon
while [ $# -gt 0 ]; do
  case $1 in
    --yes) yes=1 ;;
    --identity) [ $# -gt 1 ] || wrong '--identity wants an object id'; identity=$2; shift ;;
    --name) [ $# -gt 1 ] || wrong '--name wants a name'; name=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) wrong "unknown flag $1" ;;
    *) [ -z "$app" ] || wrong "one address, not two: $app and $1"; app=$1 ;;
  esac
  shift
done
app=${app%/} host=${app#https://}
case $app in
  '') wrong 'APP-URL is missing' ;;
  https://*) ;;
  *) wrong "$app does not begin with https://" ;;
esac
case $host in
  '' | *[!a-z0-9.:-]*) wrong "$app is more than https:// and a host in small letters" ;;
esac
case $identity in
  *[!0-9a-fA-F-]*) wrong "$identity is no object id" ;;
esac
[ -z "$identity" ] || [ ${#identity} -eq 36 ] || wrong "$identity is no object id"
case $name in
  '' | *[!A-Za-z0-9\ ._-]*) wrong "$name is no name: letters, digits, blanks, dots, dashes and underscores" ;;
esac
command -v az >/dev/null || fail 'the Azure CLI (az) is missing: https://learn.microsoft.com/cli/azure/install-azure-cli'

# Ids of what the registration exposes. They mean something in it only, so they are the same everywhere.
scope=3f0c6d52-7d0a-4c39-9f1e-6a2b8c41d7e0
reader=a4b1d0f6-2c5e-4f83-b7a9-5d3e61c08f21
operator=b7e2c9a3-8f14-4d60-9c3b-1e7f52d46a90
approver=c9d3f8b5-6a27-4e71-8d5c-2f9063e58b14
azure_cli=04b07795-8ddb-461a-bbee-02f9e1bf7b46 # the application id of the Azure CLI in every tenant
graph_api=00000003-0000-0000-c000-000000000000

graph=$(az cloud show --query endpoints.microsoftGraphResourceId -o tsv) || fail 'the Azure CLI cannot be asked: run az login'
login=$(az cloud show --query endpoints.activeDirectory -o tsv) || fail 'the Azure CLI cannot be asked: run az login'
tenant=$(az account show --query tenantId -o tsv) || fail 'nobody is signed in: run az login'
graph=${graph%/}/v1.0 login=${login%/}
exchange=api://AzureADTokenExchange
case $login in *.us) exchange=api://AzureADTokenExchangeUSGov ;; esac

# read_graph PATH QUERY: what a GET answers, as text; nothing for None.
read_graph() { az rest --method get --url "$graph/$1" --query "$2" -o tsv | sed 's/^None$//'; }

# send METHOD PATH BODY [QUERY]
send() {
  az rest --method "$1" --url "$graph/$2" --headers Content-Type=application/json --body "$3" \
    --query "${4:-id}" -o tsv </dev/null || fail "refused: $1 $2"
}

# find TAG QUERY: a property of the one registration with a tag of ours.
find() { read_graph "applications?\$filter=tags/any(t:t%20eq%20'$1')&\$select=id,appId" "value[0].$2"; }

# as_it_is OBJECT-ID: what of the registration Cordon matters, on one line.
as_it_is() {
  read_graph "applications/$1" "[join(' ', [to_string(api.requestedAccessTokenVersion), api.oauth2PermissionScopes[?value=='Cordon.Use' && isEnabled].id | [0] || '', appRoles[?value=='Cordon.Reader' && isEnabled].id | [0] || '', appRoles[?value=='Cordon.Operator' && isEnabled].id | [0] || '', appRoles[?value=='Cordon.Approver' && isEnabled].id | [0] || '', join(',', web.redirectUris), join(',', optionalClaims.accessToken[].name || \`[]\`), join(',', identifierUris)])]"
}

# role ID VALUE TEXT: an app role, for people and for apps.
role() {
  printf '{"id":"%s","value":"%s","displayName":"%s","description":"%s","isEnabled":true,"allowedMemberTypes":["User","Application"]}' "$1" "$2" "$2" "$3"
}

web_body() {
  printf '{"displayName":"%s","signInAudience":"AzureADMyOrg","tags":["cordon:web:%s"],' "$name" "$host"
  printf '"web":{"redirectUris":["%s/api/signin/callback"],' "$app"
  printf '"implicitGrantSettings":{"enableIdTokenIssuance":false,"enableAccessTokenIssuance":false}},'
  printf '"optionalClaims":{"accessToken":[{"name":"idtyp"}]},'
  printf '"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"%s","value":"Cordon.Use","type":"Admin",' "$scope"
  printf '"isEnabled":true,"adminConsentDisplayName":"Use Cordon","adminConsentDescription":"Use Cordon as the person who is signed in, with the roles of that person."}]},'
  printf '"appRoles":[%s,%s,%s]}' "$(role "$reader" Cordon.Reader 'Look at everything.')" \
    "$(role "$operator" Cordon.Operator 'Look at everything; release, continue, drop, pause and resume.')" \
    "$(role "$approver" Cordon.Approver 'Look at everything; decide what waits for an approval.')"
}

cli_body() {
  printf '{"displayName":"%s CLI","signInAudience":"AzureADMyOrg","tags":["cordon:cli:%s"],' "$name" "$host"
  printf '"isFallbackPublicClient":true,"publicClient":{"redirectUris":["http://localhost"]}}'
}

# What is there, and what is to be done about it.
plan() { echo "  $1"; [ "${1#will }" = "$1" ] || todo=1; }
todo=''
echo "Tenant: $tenant, address: $app"
web=$(find "cordon:web:$host" id) || fail 'the registrations cannot be read'
web_id='' web_sp='' required='' trusted=''
if [ -n "$web" ]; then
  web_id=$(find "cordon:web:$host" appId)
  want="2 $scope $reader $operator $approver $app/api/signin/callback idtyp api://$host/$web_id"
  is=$(as_it_is "$web") || fail "the registration $web_id cannot be read"
  web_sp=$(read_graph "servicePrincipals?\$filter=appId%20eq%20'$web_id'&\$select=id" 'value[0].id')
  [ -z "$web_sp" ] || required=$(read_graph "servicePrincipals/$web_sp" appRoleAssignmentRequired)
  [ -z "$identity" ] || trusted=$(read_graph "applications/$web/federatedIdentityCredentials" "value[?subject=='$identity'].id | [0]")
  if [ "$is" = "$want" ]; then plan "is there     $name ($web_id): pages and operator API"; else plan "will change  $name ($web_id): roles, scope, version of tokens, addresses"; fi
else
  is='' want=new
  plan "will make    $name: roles Cordon.Reader, Cordon.Operator, Cordon.Approver; scope Cordon.Use; tokens of version 2"
fi
case $required in
  true | True) plan 'is so        only people and apps with a role are let in' ;;
  *) plan 'will set     only people and apps with a role are let in' ;;
esac
if [ -n "$identity" ]; then
  if [ -n "$trusted" ]; then plan "is trusted   the managed identity $identity, in place of a secret"; else plan "will trust   the managed identity $identity, in place of a secret"; fi
fi
cli=$(find "cordon:cli:$host" id) || fail 'the registrations cannot be read'
cli_id='' cli_sp='' allowed=''
if [ -n "$cli" ]; then
  cli_id=$(find "cordon:cli:$host" appId)
  cli_sp=$(read_graph "servicePrincipals?\$filter=appId%20eq%20'$cli_id'&\$select=id" 'value[0].id')
  plan "is there     $name CLI ($cli_id): the command line"
else
  plan "will make    $name CLI: the command line; a public client that answers on this computer only"
fi
if [ -n "$web" ] && [ -n "$cli" ]; then
  allowed=$(read_graph "applications/$web" "length(api.preAuthorizedApplications[?appId=='$cli_id' || appId=='$azure_cli'])")
fi
if [ "$allowed" = 2 ]; then plan "is allowed   $name CLI and the Azure CLI ask for people without asking them"; else plan "will allow   $name CLI and the Azure CLI to ask for people without asking them"; fi
graph_sp=$(read_graph "servicePrincipals?\$filter=appId%20eq%20'$graph_api'&\$select=id" 'value[0].id') || fail 'Microsoft Graph cannot be looked up'
[ -n "$graph_sp" ] || fail 'Microsoft Graph is not in this tenant'
# consented SERVICE-PRINCIPAL
consented() { read_graph "servicePrincipals/$1/oauth2PermissionGrants" "value[?consentType=='AllPrincipals' && resourceId=='$graph_sp'].id | [0]"; }
consent=''
for sp in "$web_sp" "$cli_sp"; do
  if [ -z "$sp" ] || [ -z "$(consented "$sp")" ]; then consent=1; fi
done
if [ -n "$consent" ]; then plan 'will consent for everybody: both learn who signs in (openid profile offline_access), no more'; else plan 'is consented for everybody: both learn who signs in, no more'; fi

settings() {
  echo 'Settings of the app:'
  echo "  CORDON_APP_URL=$app"
  echo "  CORDON_SIGNIN_CLIENT_ID=$web_id"
  echo "  CORDON_CLI_CLIENT_ID=$cli_id"
  [ -n "$identity" ] || echo '  and CORDON_SIGNIN_SECRET or CORDON_SIGNIN_CERTIFICATE, because no managed identity was named'
}
if [ -z "$todo" ]; then echo 'Nothing to do.'; settings; exit 0; fi
if [ -z "$yes" ]; then
  printf 'Do it? [y/N] '
  read -r answer || answer=''
  case $answer in y | Y | yes) ;; *) echo 'Nothing was changed.'; exit 1 ;; esac
fi

if [ -z "$web" ]; then
  web=$(send post applications "$(web_body)")
  web_id=$(read_graph "applications/$web" appId) || fail 'the new registration cannot be read; run this again'
elif [ "$is" != "$want" ]; then
  send patch "applications/$web" "$(web_body)" >/dev/null
fi
[ "$is" = "$want" ] || send patch "applications/$web" "{\"identifierUris\":[\"api://$host/$web_id\"]}" >/dev/null
echo "  done         $name ($web_id)"
[ -n "$web_sp" ] || web_sp=$(send post servicePrincipals "{\"appId\":\"$web_id\"}")
case $required in
  true | True) ;;
  *) send patch "servicePrincipals/$web_sp" '{"appRoleAssignmentRequired":true}' >/dev/null ;;
esac
if [ -n "$identity" ] && [ -z "$trusted" ]; then
  send post "applications/$web/federatedIdentityCredentials" \
    "{\"name\":\"cordon-$identity\",\"issuer\":\"$login/$tenant/v2.0\",\"subject\":\"$identity\",\"audiences\":[\"$exchange\"]}" >/dev/null
  echo "  done         $identity is trusted"
fi
if [ -z "$cli" ]; then
  cli=$(send post applications "$(cli_body)")
  cli_id=$(read_graph "applications/$cli" appId) || fail 'the new registration cannot be read; run this again'
fi
[ -n "$cli_sp" ] || cli_sp=$(send post servicePrincipals "{\"appId\":\"$cli_id\"}")
echo "  done         $name CLI ($cli_id)"
if [ "$allowed" != 2 ]; then
  send patch "applications/$web" "{\"api\":{\"preAuthorizedApplications\":[{\"appId\":\"$cli_id\",\"delegatedPermissionIds\":[\"$scope\"]},{\"appId\":\"$azure_cli\",\"delegatedPermissionIds\":[\"$scope\"]}]}}" >/dev/null
  echo "  done         $name CLI and the Azure CLI are allowed"
fi
for sp in "$web_sp" "$cli_sp"; do
  if [ -z "$(consented "$sp")" ]; then
    send post oauth2PermissionGrants "{\"clientId\":\"$sp\",\"consentType\":\"AllPrincipals\",\"resourceId\":\"$graph_sp\",\"scope\":\"openid profile offline_access\"}" >/dev/null
  fi
done
settings
echo "Now assign people and groups: Microsoft Entra, Enterprise applications, $name, Users and groups."
