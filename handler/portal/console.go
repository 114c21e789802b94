package portal

import "net/url"

// Console is where the app's own console shows what people are told about. Its zero value has no addresses.
type Console struct {
	App string // address of the app, without a slash at the end; empty: it has no console
}

// Machine is the page of a machine; empty for none.
func (c Console) Machine(id string) string { return c.about("machine", id) }

// Run is the page of a run, or of the newest of an alert, by the id of either; empty for none.
func (c Console) Run(id string) string { return c.about("run", id) }

func (c Console) about(page, id string) string {
	if c.App == "" || id == "" {
		return ""
	}
	return c.App + "/api/console/" + page + "?" + url.Values{page: {id}}.Encode()
}
