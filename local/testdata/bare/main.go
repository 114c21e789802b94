// Command bare is the least that a custom handler can be: net/http and encoding/json, an envelope decoded whole, the
// message in it decoded whole, and a constant answer. The start and the memory of cordon are measured against it.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

type envelope struct {
	Data     struct{ Message []byte }
	Metadata map[string]any
}

func respond(w http.ResponseWriter, r *http.Request) {
	var in envelope
	var message map[string]any
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err == nil {
		err = json.Unmarshal(in.Data.Message, &message)
	}
	if err != nil || message["alertId"] == nil {
		http.Error(w, "failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"Outputs": map[string]any{}, "Logs": []string{}, "ReturnValue": nil})
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /RespondToAlert", respond)
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"),
		Handler:           mux,
		ReadHeaderTimeout: time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}
