package session

import "github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"

// hints are what Microsoft's library says about what it keeps; one file holds all.
func hints() (h struct {
	export  cache.ExportHints
	replace cache.ReplaceHints
}) {
	return h
}
