package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cordon/local/defendersim"
	"cordon/local/entrasim"
	"cordon/local/graphsim"
	"cordon/local/scenario"
	"cordon/local/smtpsink"
	"cordon/local/tables"
	"cordon/local/world"
)

// serveCommands serve one stand-in alone until a signal comes. They bind what --addr says, loopback by default.
func serveCommands() []*cobra.Command {
	return []*cobra.Command{
		alone("defender", "127.0.0.1:7081",
			"Serve the Defender API of the scenario's tenant, without tokens; its page is under /tenant/",
			serveDefender),
		alone("entra", "127.0.0.1:7082",
			"Serve tokens over TLS, and sign people in at an app on "+defaultFront+
				"; the certificate authority is written to ca.pem", serveEntra),
		alone("tables", "127.0.0.1:10002", "Serve Azure Tables in memory", serveTables),
		alone("servicebus", "127.0.0.1:5672",
			"Serve Service Bus over AMQP with the queues alerts and notices", serveBus),
		alone("graph", "127.0.0.1:7083",
			"Take mail by Microsoft Graph's sendMail, without tokens; the inbox page is under /inbox/", serveGraph),
		alone("smtp", "127.0.0.1:1025", "Take mail; the inbox page is on the next port", serveMail),
	}
}

func alone(name, addr, short string, serve func(ctx context.Context, addr string) error) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	c.Flags().StringVar(&addr, "addr", addr, "address to listen on")
	c.RunE = func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), addr) }
	return c
}

func serveDefender(ctx context.Context, addr string) error {
	sim := defendersim.New(defendersim.Options{})
	s := scenario.Standard(1)
	now := time.Now()
	for _, m := range s.Machines {
		sim.AddMachine(machineOf(m))
	}
	for _, a := range s.Alerts {
		at := now.Add(a.Visible)
		sim.AddAlert(alertOf(a, at), at)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", sim.Handler())
	mux.Handle("/tenant/", http.StripPrefix("/tenant", sim.Page()))
	return serveHTTP(ctx, addr, mux, "Defender API")
}

func serveTables(ctx context.Context, addr string) error {
	server := tables.New(tables.Options{})
	fmt.Println("AzureWebJobsStorage=" + server.ConnectionString(addr))
	return serveHTTP(ctx, addr, server, "Tables")
}

func serveEntra(ctx context.Context, addr string) error {
	app := "http://" + defaultFront
	sim, err := entrasim.New(entrasim.Options{
		Apps:   append(world.SignInApps(app), world.App()),
		People: world.People(),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile("ca.pem", sim.CertPEM(), 0o644); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	sim.At("https://" + listener.Addr().String())
	fmt.Printf("tenant %s, app %s, secret %s, CORDON_CA_FILE=ca.pem\n", world.TenantID, world.ClientID,
		world.ClientSecret)
	settings := world.SignInSettings(app)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Println(name + "=" + settings[name])
	}
	server := &http.Server{Handler: sim, TLSConfig: sim.TLSConfig(), ReadHeaderTimeout: 10 * time.Second}
	return untilDone(ctx, "Entra on https://"+listener.Addr().String(), func() error {
		return server.ServeTLS(listener, "", "")
	}, func() { _ = server.Close() })
}

func serveBus(ctx context.Context, addr string) error {
	server, err := world.NewBus(time.Minute, nil)
	if err != nil {
		return err
	}
	if _, err := server.Listen(addr); err != nil {
		return err
	}
	fmt.Println("ServiceBus=" + server.ConnectionString())
	return untilDone(ctx, "Service Bus on "+addr, func() error { <-ctx.Done(); return nil }, func() { server.Close() })
}

func serveMail(ctx context.Context, addr string) error {
	sink := smtpsink.New(smtpsink.Options{})
	at, err := sink.Listen(addr)
	if err != nil {
		return err
	}
	defer func() { _ = sink.Close() }()
	page := &net.TCPAddr{IP: at.(*net.TCPAddr).IP, Port: at.(*net.TCPAddr).Port + 1}
	fmt.Printf("CORDON_SMTP_URL=smtp://%s?tls=none\n", at)
	return serveHTTP(ctx, page.String(), sink.Handler(), "inbox")
}

func serveGraph(ctx context.Context, addr string) error {
	sim := graphsim.New(graphsim.Options{})
	mux := http.NewServeMux()
	mux.Handle("/v1.0/", sim)
	mux.Handle("/inbox/", http.StripPrefix("/inbox", sim.Inbox.Handler()))
	fmt.Printf("CORDON_GRAPH_URL=http://%s, and no CORDON_SMTP_URL\n", addr)
	return serveHTTP(ctx, addr, mux, "Microsoft Graph")
}

func serveHTTP(ctx context.Context, addr string, h http.Handler, what string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return untilDone(ctx, what+" on http://"+listener.Addr().String(), func() error {
		return server.Serve(listener)
	}, func() { _ = server.Close() })
}

// untilDone serves until the context ends.
func untilDone(ctx context.Context, what string, serve func() error, stop func()) error {
	fmt.Println(what + "; Ctrl-C ends it")
	done := make(chan error, 1)
	go func() { done <- serve() }()
	select {
	case err := <-done:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	case <-ctx.Done():
		stop()
		<-done
		return nil
	}
}
