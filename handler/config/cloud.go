package config

// cloud is what a national cloud sets; an empty audience is one that the vendor does not document.
type cloud struct {
	authority string
	defender  string
	audience  string // of Defender
	// URL and audience: scopes "MUST use the domain of the Microsoft Graph service root endpoint" of the cloud
	graph  string
	suffix string // of the storage endpoints
}

// clouds are the clouds as "Microsoft Defender for Endpoint for US Government customers", "Supported Microsoft Defender
// for Endpoint APIs", "Microsoft Graph national cloud deployments" and "Access national cloud deployments with the
// Microsoft Graph SDKs" on learn.microsoft.com list them. The global Defender API still answers only to tokens for its
// former host.
func clouds() map[string]cloud {
	const (
		public, government = "https://login.microsoftonline.com", "https://login.microsoftonline.us"
		governmentAPI      = "https://api-gov.securitycenter.microsoft.us"
		publicGraph        = "https://graph.microsoft.com"
	)
	return map[string]cloud{
		"global": {
			public, "https://api.security.microsoft.com", "https://api.securitycenter.microsoft.com", publicGraph,
			"core.windows.net",
		},
		"gcc":     {public, "https://api-gcc.securitycenter.microsoft.us", "", publicGraph, "core.windows.net"},
		"gcchigh": {government, governmentAPI, "", "https://graph.microsoft.us", "core.usgovcloudapi.net"},
		"dod":     {government, governmentAPI, "", "https://dod-graph.microsoft.us", "core.usgovcloudapi.net"},
	}
}

// Authority is where tokens of a cloud come from; empty: there is no such cloud.
func Authority(cloud string) string { return clouds()[cloud].authority }
