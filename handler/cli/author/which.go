package author

import "cmp"

// playbookPath is the playbook that a command is about: the one it names, else CORDON_PLAYBOOK, else playbook.yaml.
func playbookPath(getenv func(string) string, args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return cmp.Or(getenv("CORDON_PLAYBOOK"), "playbook.yaml")
}
