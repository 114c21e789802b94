package machine

import "fmt"

// ResultText is the result code of a machine action for people: as Windows writes it, with what it means where that is
// known. Defender documents none of them; these are the codes of Windows itself that it hands on.
func ResultText(code int64) string {
	shown := fmt.Sprintf("0x%08X", uint32(code))
	means := map[uint32]string{
		0x80004004: "the operation was aborted",
		0x80004005: "an error that Windows does not name",
		0x80070002: "a file was not found",
		0x80070003: "a folder was not found",
		0x80070005: "access was denied",
		0x8007000E: "out of memory",
		0x80070020: "a file is in use by another program",
		0x80070057: "an argument is not valid",
		0x80070070: "the disk is full",
		0x800700E1: "antivirus found malware in a file that it needs",
		0x80070422: "a service is switched off",
		0x800704C7: "the operation was cancelled",
		0x800704EC: "a policy blocks the program",
		0x800705B4: "it took too long",
		0x80072EE2: "the server did not answer in time",
		0x80072EE7: "the server's name could not be resolved",
		0x80072EFD: "no connection to the server",
		0x80190191: "the server asked for a sign-in (HTTP 401)",
		0x80190193: "the server refused it (HTTP 403)",
		0x80190194: "the server does not have it (HTTP 404)",
		0x80190198: "the request took too long (HTTP 408)",
		0x801901F4: "the server failed (HTTP 500)",
		0x801901F7: "the server was not available (HTTP 503)",
	}[uint32(code)]
	if means == "" {
		return shown
	}
	return shown + ": " + means
}
