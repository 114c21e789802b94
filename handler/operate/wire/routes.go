package wire

import "net/http"

// Route is one thing that the API answers.
type Route struct {
	Method string
	Path   string // below Base
	Role   Role   // who may ask
	Says   string // in a sentence, for the description of the API
	Query  []Param
	Asks   any // zero value of the body; nil: there is none
	Tells  any // zero value of the answer
}

// Param is a value in the query. The host joins repeated names by commas, so no value may hold one.
type Param struct {
	Name, Says string
	Required   bool
}

// Routes are all routes, in the order of the documentation.
func Routes() []Route {
	return append(reads(), writes()...)
}

func reads() []Route {
	queue := Param{Name: "queue", Says: "alerts (the default) or notices"}
	return []Route{
		get("/signin", Anybody, "How to sign in.", SignIn{}),
		get("/me", Reader, "Who asks, and what that person may do.", Me{}),
		get("/overview", Reader, "The last 24 hours by hour, how long isolating took, and what is under way.",
			Overview{}),
		get("/isolated", Reader, "Machines that are isolated, why and until when.", Isolated{}),
		get("/machine", Reader, "One machine: what it is, its isolation, what is held, its actions.", Machine{},
			Param{Name: "machine", Says: "id or name", Required: true}),
		get("/machines", Reader, "Machines of the record by how their name or id begins.", MachineNames{},
			Param{Name: "prefix", Says: "beginning of a name or an id, in any letter case", Required: true}),
		get("/run", Reader, "How a version of an alert was answered, and why.", Run{},
			Param{Name: "run", Says: "id of a run, or of an alert: its newest version", Required: true}),
		get("/runs", Reader, "Runs, newest first.", Runs{},
			Param{Name: "alert", Says: "id of an alert: all its versions, whatever else is asked"},
			Param{Name: "machine", Says: "id or name of a machine"},
			Param{Name: "rule", Says: "one of the rules that decided"},
			Param{Name: "outcome", Says: "one of the outcomes, such as isolated or held"},
			Param{Name: "severity", Says: "of the alert"},
			Param{Name: "incident", Says: "of the alert"},
			Param{Name: "since", Says: "observed at that time or later, such as 2026-03-02T12:00:00Z"},
			Param{Name: "until", Says: "observed before that time"},
			Param{Name: "limit", Says: "how many at most, 1 to 200; 50 if it is left out"},
			Param{Name: "after", Says: "next of the page before"}),
		get("/runs/counts", Reader, "How many runs of which rule ended how, counted by day.", Counts{},
			Param{Name: "days", Says: "how many days, today among them, 1 to 400; 30 if it is left out"}),
		get("/decision", Reader, "How a run was decided, and on what.", Decision{},
			Param{Name: "run", Says: "id of a run, or of an alert: its newest version", Required: true}),
		get("/decisions", Reader, "How runs were decided, and on what, newest run first.", Decisions{},
			Param{Name: "since", Says: "observed at that time or later, such as 2026-03-02T12:00:00Z"},
			Param{Name: "until", Says: "observed before that time"},
			Param{Name: "limit", Says: "how many at most, 1 to 200; a page that would be large ends early"},
			Param{Name: "after", Says: "next of the page before"}),
		get("/held", Reader, "What rails hold for a person.", Held{}),
		get("/pause", Reader, "Whether acting is paused.", Pause{}),
		get("/playbook", Reader, "The playbook that decides: its rules, the rails, its text.", Playbook{}),
		get("/hunts", Reader, "Hunts and where they stand.", Hunts{}),
		get("/health", Reader, "Whether all that should happen does; 503 if not.", Health{}),
		get("/doctor", Reader, "What of the set-up works, as cordon doctor says it.", Doctor{}),
		get("/deadletters", Reader, "Messages that were set aside.", DeadLetters{}, queue,
			Param{Name: "limit", Says: "how many, 1 to 500; 50 if it is left out"}),
		get("/deadletter", Reader, "One of them, with its text.", DeadLetter{}, queue,
			Param{Name: "number", Says: "its number", Required: true}),
		get("/mails", Reader, "Mails by what became of them.", Mails{},
			Param{Name: "state", Says: "sent (the default), waiting, failed or dropped"},
			Param{Name: "limit", Says: "how many, 1 to 200; 50 if it is left out"},
			Param{Name: "after", Says: "next of the page before"}),
		get("/journal", Reader, "What people did by hand, newest first.", Journal{},
			Param{Name: "command", Says: "id of a command: only what became of it"},
			Param{Name: "limit", Says: "how many, 1 to 200; 50 if it is left out"},
			Param{Name: "after", Says: "next of the page before"}),
	}
}

func writes() []Route {
	return []Route{
		post("/release", "Ask Defender to release machines.", ReleaseOrder{}, Results{}),
		post("/cancel", "Cancel a machine action that is not over.", CancelOrder{}, Results{}),
		post("/held/continue", "Continue with what is held.", HeldOrder{}, Results{}),
		post("/held/drop", "Decide that what is held is not done.", HeldOrder{}, Results{}),
		post("/pause", "Stop all acting.", PauseOrder{}, PauseResult{}),
		post("/resume", "Let acting go on.", PauseOrder{}, PauseResult{}),
		post("/enqueue", "Have alerts answered now.", EnqueueOrder{}, Results{}),
		post("/deadletters/replay", "Send dead letters again.", DeadLetterOrder{}, Results{}),
		post("/deadletters/drop", "Drop dead letters for good.", DeadLetterOrder{}, Results{}),
		post("/erase", "Erase what runs were decided on, of a machine or a person.", EraseOrder{}, Erased{}),
		post("/mails/send", "Send mails at once that wait or have failed.", MailOrder{}, Results{}),
		post("/mails/drop", "Drop mails that failed, for good.", MailOrder{}, Results{}),
		post("/hunts/run", "Ask a hunt's query now; records no row and mails nothing.", HuntOrder{}, HuntRows{}),
	}
}

func get(path string, role Role, says string, tells any, query ...Param) Route {
	return Route{
		Method: http.MethodGet,
		Path:   path,
		Role:   role,
		Says:   says,
		Query:  query,
		Tells:  tells,
	}
}

func post(path, says string, asks, tells any) Route {
	return Route{
		Method: http.MethodPost,
		Path:   path,
		Role:   Operator,
		Says:   says,
		Asks:   asks,
		Tells:  tells,
	}
}
