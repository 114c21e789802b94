// For azd, which deploys to a subscription: the resource group and what cordon.bicep puts into it. Values come from
// main.bicepparam, which reads azd's environment.
targetScope = 'subscription'

import { texts } from 'types.bicep'

@minLength(1)
@maxLength(64)
param environmentName string

param location string
param name string
param mode string
param cloud string
param alertSource string
param defenderUrl string
param defenderAudience string
param appUrl string
param signinClientId string
param cliClientId string
param mailFrom string
param mailTo string
param operatorMail string

@secure()
param smtpUrl string

@secure()
param webhookSecret string

param recoverVault bool
param pollSchedule string
param followSchedule string
param huntSchedule string
param pollSilentMinutes int
param unansweredMinutes int
param isolationsPerHour int
param failuresPer15Minutes int
param moreSettings texts
param instanceMemoryMB int
param warmResponders int
param storageSku string
param logDays int
param tags texts

var allTags = union(tags, { 'azd-env-name': environmentName })

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: allTags
}

module cordon 'cordon.bicep' = {
  name: 'cordon'
  scope: group
  params: {
    location: location
    name: name
    mode: mode
    cloud: cloud
    alertSource: alertSource
    defenderUrl: defenderUrl
    defenderAudience: defenderAudience
    appUrl: appUrl
    signinClientId: signinClientId
    cliClientId: cliClientId
    mailFrom: mailFrom
    mailTo: mailTo
    operatorMail: operatorMail
    smtpUrl: smtpUrl
    webhookSecret: webhookSecret
    recoverVault: recoverVault
    pollSchedule: pollSchedule
    followSchedule: followSchedule
    huntSchedule: huntSchedule
    pollSilentMinutes: pollSilentMinutes
    unansweredMinutes: unansweredMinutes
    isolationsPerHour: isolationsPerHour
    failuresPer15Minutes: failuresPer15Minutes
    moreSettings: moreSettings
    instanceMemoryMB: instanceMemoryMB
    warmResponders: warmResponders
    storageSku: storageSku
    logDays: logDays
    tags: allTags
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output CORDON_SITE_NAME string = cordon.outputs.siteName
output CORDON_HEALTH_URL string = cordon.outputs.healthUrl
output CORDON_VAULT_NAME string = cordon.outputs.vaultName
// For the hooks of azure.yaml, and for Exchange.
output CORDON_RESPONDER_PRINCIPAL_ID string = cordon.outputs.responderPrincipalId
output CORDON_RESPONDER_CLIENT_ID string = cordon.outputs.responderClientId
output CORDON_PLATFORM_PRINCIPAL_ID string = cordon.outputs.platformPrincipalId
output CORDON_PACKAGE_CONTAINER_ID string = cordon.outputs.packageContainerId
