// What the platform's identity may do in the resource group: what the Functions host and Cordon need, and no more. The
// identities' rights in Defender and Graph are no Azure roles; infra/grant-permissions.sh grants those.

param principalId string
param storageName string
param packageStorageName string
param packageContainer string
param namespaceName string
param queueNames string[]
param insightsName string
param vaultName string

var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var busDataReceiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
var busDataSender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var vaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: storageName }

resource packageStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: packageStorageName }

resource packageBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: packageStorage
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: packageBlobs
  name: packageContainer
}

resource bus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = { name: namespaceName }

resource queues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' existing = [
  for queue in queueNames: {
    parent: bus
    name: queue
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: insightsName }

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = { name: vaultName }

// The host keeps its leases, function keys and timer status in containers that it makes itself: the account, because the
// containers' names are the host's.
resource blobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, principalId, blobDataOwner)
  scope: storage
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
  }
}

// The site reads its package. An app can act as every identity that is attached to it, so none of them may write here but
// while a deployment runs: infra/package-access.sh.
resource package 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(packages.id, principalId, blobDataReader)
  scope: packages
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
  }
}

// The ledger, whose tables Cordon makes itself, and the host's diagnostic events.
resource tables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, principalId, tableDataContributor)
  scope: storage
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableDataContributor)
  }
}

// The triggers receive; Health looks at what waits and at the dead letters. Scaling works with this role too, if less
// exactly than with Manage, which would let the app delete its queues.
resource receive 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in queueNames: {
    name: guid(queues[i].id, principalId, busDataReceiver)
    scope: queues[i]
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', busDataReceiver)
    }
  }
]

// Polls enqueue alerts, responses enqueue notices, and both put work back for later.
resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in queueNames: {
    name: guid(queues[i].id, principalId, busDataSender)
    scope: queues[i]
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', busDataSender)
    }
  }
]

// The host writes its telemetry without a key.
resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, metricsPublisher)
  scope: insights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

// The references to secrets are resolved as this identity.
resource secrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, vaultSecretsUser)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', vaultSecretsUser)
  }
}
