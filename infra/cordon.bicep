// Everything that Cordon needs, in one resource group: az deployment group create --parameters infra/cordon.bicepparam.
// docs/deploy.md says how it is used and what of it was tried.
targetScope = 'resourceGroup'

import { texts } from 'types.bicep'

@description('Begins the name of every resource. Short: the Functions host tells apps apart by the first 32 characters.')
@minLength(3)
@maxLength(16)
param name string = 'cordon'

param location string = resourceGroup().location

@description('observe: decide, record and mail, but act on no machine. enforce: let the playbook decide.')
@allowed(['observe', 'enforce'])
param mode string = 'observe'

@description('Defender cloud. gcchigh and dod are deployed to Azure Government.')
@allowed(['global', 'gcc', 'gcchigh', 'dod'])
param cloud string = 'global'

@description('Where alerts are read: the Defender API, alerts_v2 of Microsoft Graph, or both. docs/sources.md.')
@allowed(['defender', 'graph', 'both'])
param alertSource string = 'defender'

@description('Base URL of the Defender API, such as a regional one. Empty: of the cloud.')
param defenderUrl string = ''

@description('Whom the Defender token is for. Has to be set outside global, see docs/deploy.md.')
param defenderAudience string = ''

@description('Where people reach the app, such as https://cordon.example.com. Empty: nobody signs in. docs/identity.md.')
param appUrl string = ''

@description('Client id of the app registration that people sign in to, of infra/app-registrations.sh.')
param signinClientId string = ''

@description('Client id of the app registration of the command line.')
param cliClientId string = ''

@description('Sender of all mail.')
param mailFrom string

@description('Recipients of mail steps that name none, separated by commas.')
param mailTo string

@description('Who hears that Cordon itself is unwell; also of the alerts below. Separated by commas.')
param operatorMail string = mailTo

@description('Mail server: smtp://user:password@host:587?tls=starttls; in-vault: the vault has it. Empty: Graph.')
@secure()
param smtpUrl string = ''

@description('Secret of those who push alerts, 32 bytes at least, or in-vault. Empty: the function key is enough.')
@secure()
param webhookSecret string = ''

@description('Takes back the vault of a group that was deleted and is made again, for one deployment: docs/deploy.md.')
param recoverVault bool = false

@description('When alerts are polled: NCRONTAB with six fields, UTC.')
param pollSchedule string = '0 * * * * *'

@description('When machine actions are followed: NCRONTAB with six fields, UTC.')
param followSchedule string = '30 * * * * *'

@description('When it is looked for hunting queries that are due: NCRONTAB with six fields, UTC.')
param huntSchedule string = '0 */5 * * * *'

@description('Minutes in which a poll has to succeed: three intervals of pollSchedule.')
@minValue(3)
param pollSilentMinutes int = 3

@description('Minutes for which an alert may go unanswered. A message that was lost is found after ten.')
@minValue(15)
param unansweredMinutes int = 15

@description('More isolations in an hour than this raise an alert. The playbook has caps of its own, which hold what is beyond.')
@minValue(0)
param isolationsPerHour int = 10

@description('More failed invocations in 15 minutes than this raise an alert.')
@minValue(0)
param failuresPer15Minutes int = 5

@description('Further app settings by name, such as { CORDON_STALE_AFTER: \'12h\' }. They win over the ones below.')
param moreSettings texts = {}

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Instances of RespondToAlert that are kept warm, and paid for. 0: the first alert of a quiet hour waits for a start.')
@minValue(0)
param warmResponders int = 0

@description('Of both storage accounts; the ledger is in one. Three zones, where the region has them. Choose once.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_ZRS'

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logDays int = 90

param tags texts = {}

var unique = uniqueString(resourceGroup().id, name)
var alertQueue = 'alerts'
var noticeQueue = 'notices'
var packageContainer = 'packages'
// Stands for a secret that the vault has already, so that a deployment which changes something else need not know it.
var kept = 'in-vault'

// Two identities. The platform's reaches what is in this group; the responder's reaches Defender, and nothing in Azure.
// Neither can do the other's work, and the roles of the responder outlive the app.

resource platform 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-platform'
  location: location
  tags: tags
}

resource responder 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-responder'
  location: location
  tags: tags
}

// The account holds the ledger (tables) and what the host keeps: leases, keys, timer status (blobs). No keys.

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: take('st${replace(toLower(name), '-', '')}${unique}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: storageSku }
  properties: {
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    supportsHttpsTrafficOnly: true
    minimumTlsVersion: 'TLS1_2'
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'ledger'
  scope: storage
  properties: {
    level: 'CanNotDelete'
    notes: 'The ledger: what was seen, done and told. Without it Cordon begins anew.'
  }
}

// The package has an account of its own, because what the app's identity may do in the other one would let the app replace
// its own code. It has no lock: that would keep the right to write from being taken back after a deployment.

resource packageStorage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: take('pk${replace(toLower(name), '-', '')}${unique}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: storageSku }
  properties: {
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    supportsHttpsTrafficOnly: true
    minimumTlsVersion: 'TLS1_2'
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: packageStorage
  name: 'default'
}

// The container has to be there before the site.
resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: packageContainer
  properties: { publicAccess: 'None' }
}

resource bus 'Microsoft.ServiceBus/namespaces@2026-01-01' = {
  name: 'sb-${name}-${unique}'
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
  }
}

// Duplicate detection and sessions cannot be changed once a queue is there.
resource queues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' = [
  for queue in [alertQueue, noticeQueue]: {
    parent: bus
    name: queue
    properties: {
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: 'P1D'
      lockDuration: 'PT1M'
      maxDeliveryCount: 10
      defaultMessageTimeToLive: 'P7D'
      deadLetteringOnMessageExpiration: true
      requiresSession: false
      enablePartitioning: false
      maxSizeInMegabytes: 1024
    }
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-${name}-${unique}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: logDays
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}-${unique}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

// The secrets there may be: the mail server's password, and what those who push alerts know. A vault that is deleted cannot
// be purged for 90 days, and its name comes from the group's and from the parameter name.

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {
  name: 'kv${unique}'
  location: location
  tags: tags
  properties: {
    createMode: recoverVault ? 'recover' : 'default'
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
  }
}

resource smtpSecret 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = if (!empty(smtpUrl) && smtpUrl != kept) {
  parent: vault
  name: 'smtp-url'
  properties: { value: smtpUrl }
}

resource pushSecret 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = if (!empty(webhookSecret) && webhookSecret != kept) {
  parent: vault
  name: 'webhook-secret'
  properties: { value: webhookSecret }
}

module roles 'roles.bicep' = {
  name: 'roles'
  params: {
    principalId: platform.properties.principalId
    storageName: storage.name
    packageStorageName: packageStorage.name
    packageContainer: packageContainer
    namespaceName: bus.name
    queueNames: [alertQueue, noticeQueue]
    insightsName: insights.name
    vaultName: vault.name
  }
  dependsOn: [queues, packages]
}

module audit 'audit.bicep' = {
  name: 'audit'
  params: {
    workspaceId: workspace.id
    storageName: storage.name
    packageStorageName: packageStorage.name
    namespaceName: bus.name
    vaultName: vault.name
  }
}

// The app's settings, all of them: whoever writes them elsewhere replaces the set. What function.json names as %...% has no
// default in the host. FUNCTIONS_WORKER_RUNTIME and the like are not set on Flex Consumption.
var settings = {
  // The host's storage and the ledger's, with the platform's identity. The addresses work in every cloud.
  AzureWebJobsStorage__blobServiceUri: 'https://${storage.name}.blob.${environment().suffixes.storage}'
  AzureWebJobsStorage__queueServiceUri: 'https://${storage.name}.queue.${environment().suffixes.storage}'
  AzureWebJobsStorage__tableServiceUri: 'https://${storage.name}.table.${environment().suffixes.storage}'
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: platform.properties.clientId
  // The triggers and what sends.
  ServiceBus__fullyQualifiedNamespace: replace(replace(bus.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')
  ServiceBus__credential: 'managedidentity'
  ServiceBus__clientId: platform.properties.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${platform.properties.clientId};Authorization=AAD'
  // The host reads bodies whole before Cordon sees them, of anybody: without the limit one request of 100 MB ends an
  // instance of 512 MB. And it shows everybody a page at /.
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '1048576'
  AzureWebJobsDisableHomepage: 'true'

  CORDON_MODE: mode
  CORDON_CLOUD: cloud
  CORDON_ALERT_SOURCE: alertSource
  CORDON_TENANT_ID: tenant().tenantId
  // Without a secret and a certificate, the id of the user-assigned identity that calls Defender.
  CORDON_CLIENT_ID: responder.properties.clientId
  CORDON_ALERT_QUEUE: alertQueue
  CORDON_NOTICE_QUEUE: noticeQueue
  CORDON_POLL_SCHEDULE: pollSchedule
  CORDON_FOLLOW_SCHEDULE: followSchedule
  CORDON_HUNT_SCHEDULE: huntSchedule
  CORDON_MESSAGE_LOCK: '60s'
  CORDON_MAIL_FROM: mailFrom
  CORDON_MAIL_TO: mailTo
  CORDON_OPERATOR_MAIL: operatorMail
}

var secretUri = 'SecretUri=${vault.properties.vaultUri}secrets'

// Settings that are left out unless they have a value.
var optionalSettings = union(
  empty(defenderUrl) ? {} : { CORDON_DEFENDER_URL: defenderUrl },
  empty(defenderAudience) ? {} : { CORDON_DEFENDER_AUDIENCE: defenderAudience },
  empty(appUrl) ? {} : { CORDON_APP_URL: appUrl },
  empty(signinClientId) ? {} : { CORDON_SIGNIN_CLIENT_ID: signinClientId },
  empty(cliClientId) ? {} : { CORDON_CLI_CLIENT_ID: cliClientId },
  empty(smtpUrl) ? {} : { CORDON_SMTP_URL: '@Microsoft.KeyVault(${secretUri}/smtp-url)' },
  empty(webhookSecret) ? {} : { CORDON_WEBHOOK_SECRET: '@Microsoft.KeyVault(${secretUri}/webhook-secret)' }
)

module app 'app.bicep' = {
  name: 'app'
  params: {
    name: name
    siteName: 'func-${name}-${take(unique, 8)}'
    location: location
    tags: tags
    settings: union(settings, optionalSettings, moreSettings)
    platformIdentityId: platform.id
    responderIdentityId: responder.id
    packageUrl: '${packageStorage.properties.primaryEndpoints.blob}${packageContainer}'
    instanceMemoryMB: instanceMemoryMB
    warmResponders: warmResponders
  }
  // The site reads its package and the host its storage and the secrets as soon as it is there.
  dependsOn: [roles, smtpSecret, pushSecret]
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: workspace.id
    namespaceId: bus.id
    queueNames: [alertQueue, noticeQueue]
    mailTo: operatorMail
    packageStorageName: packageStorage.name
    pollSilentMinutes: pollSilentMinutes
    unansweredMinutes: unansweredMinutes
    isolationsPerHour: isolationsPerHour
    failuresPer15Minutes: failuresPer15Minutes
  }
}

output siteName string = app.outputs.siteName
output healthUrl string = 'https://${app.outputs.hostName}/api/health'
output responderPrincipalId string = responder.properties.principalId
output responderClientId string = responder.properties.clientId
output serviceBusNamespace string = settings.ServiceBus__fullyQualifiedNamespace
output storageAccount string = storage.name
output vaultName string = vault.name
// For infra/package-access.sh, which lets the app's deployment write the package and takes that back.
output platformPrincipalId string = platform.properties.principalId
output packageContainerId string = packages.id
