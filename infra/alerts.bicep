// What wakes somebody up. None of it depends on Cordon's own timers or mail: it reads what the Functions host records, what
// Azure records of the package, and the namespace's metrics. Records arrive some minutes late, which the queries allow for.

import { texts } from 'types.bicep'

param name string
param location string
param tags texts
param workspaceId string
param namespaceId string

@description('Mail addresses, separated by commas.')
param mailTo string

@description('The queue of alerts first.')
param queueNames string[]

@description('Name of the account that the package is in.')
param packageStorageName string

param pollSilentMinutes int
param unansweredMinutes int
param isolationsPerHour int
param failuresPer15Minutes int

var ingestionMinutes = 5

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: take(name, 12)
    emailReceivers: [
      for (address, i) in split(mailTo, ','): {
        name: 'operator-${i}'
        emailAddress: trim(address)
        useCommonAlertSchema: true
      }
    ]
  }
}

var rules = [
  {
    name: 'no-successful-poll'
    description: 'No poll succeeded in three intervals: new alerts are not found. See docs/troubleshooting.md, "When polls stop".'
    severity: 1
    windowSize: 'PT1H'
    threshold: 0
    // One row, also when there is no poll at all, unless the newest one is recent.
    query: format(
      '''
AppRequests
| where Name == 'PollAlerts' and Success == true
| summarize Last = max(TimeGenerated)
| where isnull(Last) or Last < ago({0}m)
''',
      pollSilentMinutes + ingestionMinutes
    )
  }
  {
    name: 'alerts-unanswered'
    description: 'A version of an alert was found and is not answered. See docs/troubleshooting.md, "When nobody answers".'
    severity: 1
    windowSize: 'PT15M'
    threshold: 0
    // Polls and follows write the line each time, so the newest one says how it is now. The bus publishes no age.
    query: format(
      '''
AppTraces
| where Message has '"open runs"'
| extend line = parse_json(Message)
| where tostring(line.msg) == 'open runs'
| summarize arg_max(TimeGenerated, line)
| where toint(line.ageSeconds) > 60 * {0}
''',
      unansweredMinutes
    )
  }
  {
    name: 'failed-invocations'
    description: 'Invocations fail, which everyday trouble does not make them do: the ledger or a queue is out of reach, or the handler ends.'
    severity: 2
    windowSize: 'PT15M'
    threshold: failuresPer15Minutes
    query: '''
AppRequests
| where Success == false and Name in ('PollAlerts', 'RespondToAlert', 'FollowActions', 'RunHunts', 'SendNotice')
'''
  }
  {
    name: 'isolations'
    description: 'More machines were isolated in an hour than expected: an outbreak, or a rule that matches too much. See docs/on-call.md, "Pausing".'
    severity: 1
    windowSize: 'PT1H'
    threshold: isolationsPerHour
    query: '''
AppTraces
| where Message has 'machine action requested'
| extend line = parse_json(Message)
| where tostring(line.msg) == 'machine action requested' and tostring(line.type) == 'Isolate'
'''
  }
  {
    name: 'error-lines'
    description: 'Cordon wrote an error for a person to look at: a parked run, a second isolation, a machine that cannot be told apart.'
    severity: 2
    windowSize: 'PT15M'
    threshold: 0
    query: '''
AppTraces
| where Message has '"level":"ERROR"'
| where tostring(parse_json(Message).level) == 'ERROR'
'''
  }
  {
    name: 'package-written'
    description: 'The package was written or deleted: a deployment that you know of, or somebody changes what runs. See docs/security.md.'
    severity: 1
    windowSize: 'PT15M'
    threshold: 0
    query: format(
      '''
StorageBlobLogs
| where AccountName == '{0}' and Category in ('StorageWrite', 'StorageDelete')
| where toint(StatusCode) < 400
''',
      packageStorageName
    )
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${name}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${name}: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: rule.windowSize
      autoMitigate: true
      // The tables are there only after the first records.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [operators.id] }
    }
  }
]

// The queues' counts are not exported to the logs, so no rule can ask for waiting messages and missing answers at once.
var counts = [
  {
    name: 'messages-waiting'
    description: 'The queue of alerts was not empty for 15 minutes: RespondToAlert is disabled or fails, or a burst lasts. See docs/troubleshooting.md, "When nobody answers".'
    severity: 1
    windowSize: 'PT15M'
    metric: 'ActiveMessages'
    queues: take(queueNames, 1)
    timeAggregation: 'Minimum'
  }
  {
    name: 'dead-letters'
    description: 'A message was given up: it failed ten times or waited seven days. See docs/on-call.md, "Dead letters".'
    severity: 2
    windowSize: 'PT5M'
    metric: 'DeadletteredMessages'
    queues: queueNames
    timeAggregation: 'Maximum'
  }
]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for count in counts: {
    name: '${name}-${count.name}'
    location: 'global'
    tags: tags
    properties: {
      description: count.description
      severity: count.severity
      enabled: true
      scopes: [namespaceId]
      evaluationFrequency: 'PT5M'
      windowSize: count.windowSize
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: count.name
            metricNamespace: 'Microsoft.ServiceBus/namespaces'
            metricName: count.metric
            dimensions: [{ name: 'EntityName', operator: 'Include', values: count.queues }]
            timeAggregation: count.timeAggregation
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: [{ actionGroupId: operators.id }]
    }
  }
]
