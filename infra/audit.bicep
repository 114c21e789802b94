// What is recorded of who did what to what Cordon rests on: writes of the ledger and of the package, uses of the vault,
// changes of the queues.

param workspaceId string
param storageName string
param packageStorageName string
param namespaceName string
param vaultName string

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: storageName }

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' existing = {
  parent: storage
  name: 'default'
}

resource packageStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: packageStorageName }

resource packageBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: packageStorage
  name: 'default'
}

resource bus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = { name: namespaceName }

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = { name: vaultName }

resource tableWrites 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'writes'
  scope: tables
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource packageWrites 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'writes'
  scope: packageBlobs
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource secretUses 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'uses'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

// What is sent and received is recorded in the Premium tier only.
resource queueChanges 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'changes'
  scope: bus
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'OperationalLogs', enabled: true }]
  }
}
