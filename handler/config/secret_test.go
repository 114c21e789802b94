package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const theSecret = "hunter2-and-more"

// holder keeps secrets where fmt cannot ask them for their methods.
type holder struct {
	inner  Secret
	Public Secret
	list   []Secret
	names  map[string]Secret
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	s := NewSecret(theSecret)
	c, err := Load(settings("CORDON_CLIENT_SECRET", theSecret, "CORDON_SMTP_URL", "smtp://u:"+theSecret+"@h",
		"ServiceBus", "Endpoint=sb://x;SharedAccessKeyName=k;SharedAccessKey="+theSecret,
		"AzureWebJobsStorage", "AccountName=a;AccountKey="+theSecret))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{"secret": s, "pointer": &s, "list": []Secret{s}, "map": map[string]Secret{"k": s},
		"holder": holder{s, s, []Secret{s}, map[string]Secret{"k": s}}, "settings": c, "settings pointer": &c}
	for name, v := range values {
		for _, verb := range []string{
			"v", "+v", "#v", "s", "q", "x", "X", "d", "t", "T", "p", "e", "g", "b", "o", "c", "U", "20s", ".3s",
		} {
			noSecret(t, name+" %"+verb, fmt.Sprintf("%"+verb, v))
		}
		noSecret(t, name+" Print", fmt.Sprint(v)+fmt.Sprintln(v))
		noSecret(t, name+" error", fmt.Errorf("failed: %v", v).Error())
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		noSecret(t, name+" JSON", string(body))
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("m", "v", v, slog.Group("g", "v", v))
		}
		noSecret(t, name+" slog", log.String())
	}
	body, err := xml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	noSecret(t, "XML", string(body))
	text, _ := s.MarshalText()
	noSecret(t, "text", string(text)+s.String()+s.GoString())
}

func noSecret(t *testing.T, how, out string) {
	t.Helper()
	for _, form := range []string{
		theSecret, fmt.Sprintf("%x", theSecret), fmt.Sprintf("%X", theSecret), theSecret[:5],
	} {
		if strings.Contains(out, form) {
			t.Errorf("%s shows the secret: %s", how, out)
		}
	}
}

func TestRevealGivesWhatWasHidden(t *testing.T) {
	if s := NewSecret(theSecret); s.Reveal() != theSecret || s.IsZero() {
		t.Error("the secret is lost")
	}
	if s := NewSecret(""); s.Reveal() != "" || !s.IsZero() || s != (Secret{}) {
		t.Error("an empty secret is not the zero value")
	}
}
