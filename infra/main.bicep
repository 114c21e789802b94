// For azd, which deploys to a subscription: the resource group and what cordon.bicep puts into it.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
param environmentName string

param location string
param mode string = 'observe'
param cloud string = 'global'
param defenderAudience string = ''
param mailFrom string
param mailTo string

@secure()
param smtpUrl string = ''

var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module cordon 'cordon.bicep' = {
  name: 'cordon'
  scope: group
  params: {
    location: location
    mode: mode
    cloud: cloud
    defenderAudience: defenderAudience
    mailFrom: mailFrom
    mailTo: mailTo
    smtpUrl: smtpUrl
    tags: tags
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output CORDON_SITE_NAME string = cordon.outputs.siteName
output CORDON_HEALTH_URL string = cordon.outputs.healthUrl
output CORDON_RESPONDER_PRINCIPAL_ID string = cordon.outputs.responderPrincipalId
