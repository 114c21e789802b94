package alerts

import (
	"strings"

	"cordon/handler/alert"
	"cordon/handler/lenient"
)

// wireEvidence is the members of every kind of evidence that Cordon reads; the others are known by their kind only
// (https://learn.microsoft.com/graph/api/resources/security-alertevidence).
type wireEvidence struct {
	wireDevice
	DetectionStatus   lenient.Text                `json:"detectionStatus"`
	FileDetails       lenient.Object[wireFile]    `json:"fileDetails"`
	ImageFile         lenient.Object[wireFile]    `json:"imageFile"`
	ParentImageFile   lenient.Object[wireFile]    `json:"parentProcessImageFile"`
	ProcessID         lenient.Integer             `json:"processId"`
	CommandLine       lenient.Passage             `json:"processCommandLine"`
	ParentProcessID   lenient.Integer             `json:"parentProcessId"`
	UserAccount       lenient.Object[wireAccount] `json:"userAccount"`
	IPAddress         lenient.Text                `json:"ipAddress"`
	URL               lenient.Passage             `json:"url"`
	RegistryKey       lenient.Passage             `json:"registryKey"`
	RegistryHive      lenient.Text                `json:"registryHive"`
	RegistryValueType lenient.Text                `json:"registryValueType"`
	RegistryValue     lenient.Passage             `json:"registryValue"`
}

type wireFile struct {
	SHA1     lenient.Text    `json:"sha1"`
	SHA256   lenient.Text    `json:"sha256"`
	FileName lenient.Text    `json:"fileName"`
	FilePath lenient.Passage `json:"filePath"`
}

type wireAccount struct {
	AccountName lenient.Text `json:"accountName"`
	DomainName  lenient.Text `json:"domainName"`
	UserSID     lenient.Text `json:"userSid"`
	EntraUserID lenient.Text `json:"azureAdUserId"`
	UPN         lenient.Text `json:"userPrincipalName"`
}

// evidence is a piece of evidence with the members that Defender gives one of its kind.
func (w wireEvidence) evidence() alert.Evidence {
	e := alert.Evidence{Kind: w.kind()}
	switch e.Kind {
	case "File":
		w.setFile(&e, w.FileDetails.Value)
	case "Process":
		w.setFile(&e, w.ImageFile.Value)
		e.ProcessID = int64(w.ProcessID)
		e.CommandLine = string(w.CommandLine)
		e.ParentProcessID = int64(w.ParentProcessID)
		e.ParentFileName = string(w.ParentImageFile.Value.FileName)
		e.ParentFilePath = string(w.ParentImageFile.Value.FilePath)
	case "User":
		account := w.UserAccount.Value
		e.AccountName = string(account.AccountName)
		e.DomainName = string(account.DomainName)
		e.UserSID = string(account.UserSID)
		e.AADUserID = string(account.EntraUserID)
		e.UPN = string(account.UPN)
	case "Ip":
		e.IPAddress = string(w.IPAddress)
	case "Url":
		e.URL = string(w.URL)
	case "Registry":
		e.RegistryKey = string(w.RegistryKey)
		e.RegistryHive = string(w.RegistryHive)
		e.RegistryValueType = string(w.RegistryValueType)
		e.RegistryValue = string(w.RegistryValue)
	}
	return e
}

// setFile sets what a file and the file of a process have in common.
func (w wireEvidence) setFile(e *alert.Evidence, f wireFile) {
	e.SHA1 = string(f.SHA1)
	e.SHA256 = string(f.SHA256)
	e.FileName = string(f.FileName)
	e.FilePath = string(f.FilePath)
	e.DetectionStatus = defenders(nil, w.DetectionStatus)
}

// kind is what Defender calls a kind of evidence; one that it does not have keeps Graph's name, without its namespace
// and the word evidence.
func (d wireDevice) kind() string {
	name := string(d.Type)
	name = strings.TrimPrefix(name[strings.LastIndex(name, ".")+1:], "#")
	return defenders(kinds, lenient.Text(strings.TrimSuffix(name, "Evidence")))
}
