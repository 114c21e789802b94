package wire

import "cordon/handler/playbook/deployed"

// Playbook is the playbook as it is deployed.
type Playbook = deployed.Playbook

// Rule is one rule of it.
type Rule = deployed.Rule

// Rail is one safety rule that no rule of the playbook can pass.
type Rail = deployed.Rail
