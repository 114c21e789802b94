package transfer

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/internal/mortal"
	"cordon/handler/ledger/rows"
	"cordon/handler/ledger/switches"
	"cordon/local/tables"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// over is the ledger of a tenant in some tables, reached by a process that can be killed.
func over(t *testing.T, server *tables.Server, tenant string, breaths int, mute bool) (Ledger, *mortal.Life) {
	t.Helper()
	life := mortal.New(breaths, mute, server)
	opened, err := rows.Connect(rows.Options{
		ConnectionString: server.ConnectionString("127.0.0.1:1"),
		Prefix:           "t",
		Tenant:           tenant,
		Transport:        life,
	})
	if err != nil {
		t.Fatal(err)
	}
	return Ledger{opened, switches.In(opened)}, life
}

// used is a ledger with some rows of each type, of two tenants, and of people who signed in.
func used(t *testing.T) *tables.Server {
	t.Helper()
	server := tables.New(tables.Options{})
	for _, tenant := range []string{"tenant", "tenant-2"} {
		l, _ := over(t, server, tenant, -1, false)
		if err := l.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.Switches.Begin(t.Context(), noon); err != nil {
			t.Fatal(err)
		}
		w, err := l.Switches.Watermark(t.Context(), "")
		if _, again := l.Switches.Advance(t.Context(), w, noon); err != nil || again != nil {
			t.Fatal(err, again)
		}
		if err := l.Switches.SetMark(t.Context(), markPoll, noon, ""); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 18 {
		server.PutRow("talerts", tables.Row{PartitionKey: fmt.Sprintf("tenant|da%02d", i), RowKey: "seen",
			Properties: map[string]any{"Text": "caf\u00e9 \u2028 <&>", "Bytes": []byte{0, 1, 255}, "Yes": true,
				"Small": int32(7), "Big": int64(1) << 60, "Half": 0.5}})
	}
	for _, k := range []tables.Row{
		{PartitionKey: "tenant", RowKey: "signin-key"},
		{PartitionKey: "tenant|session", RowKey: "id"},
		{PartitionKey: "tenant", RowKey: "probe:X"},
	} {
		k.Properties = map[string]any{"Key": "secret"}
		server.PutRow("tswitches", k)
	}
	return server
}

// taken is what an export of a ledger is.
func taken(t *testing.T, server *tables.Server) []byte {
	t.Helper()
	l, _ := over(t, server, "tenant", -1, false)
	var file bytes.Buffer
	if _, err := l.Export(t.Context(), &file, Made("t", "1.2.3", noon), nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// opens gives a file as often as it is asked for.
func opens(file []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }
}

// unpacked is the text of a file.
func unpacked(t *testing.T, file []byte) string {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packed is a file of a text.
func packed(text string) []byte {
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return file.Bytes()
}

// content is all that tables have, without what differs with every write.
func content(server *tables.Server) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, name := range rows.Names() {
		for _, row := range server.Rows("t" + name) {
			properties := maps.Clone(row.Properties)
			delete(properties, "Nonce")
			all[name+" "+row.PartitionKey+" "+row.RowKey] = properties
		}
	}
	return all
}

// carried is content without what is not taken along.
func carried(server *tables.Server) map[string]map[string]any {
	all := content(server)
	maps.DeleteFunc(all, func(key string, _ map[string]any) bool {
		for _, left := range []string{" tenant-2 ", "signin-key", "|session", "probe:", " beginning", " import"} {
			if strings.Contains(key, left) {
				return true
			}
		}
		return false
	})
	return all
}

func TestWhatIsExportedIsImported(t *testing.T) {
	t.Parallel()
	was := used(t)
	file := taken(t, was)
	for _, left := range []string{"secret", "signin-key", "tenant-2", "odata.etag", "Timestamp"} {
		if strings.Contains(unpacked(t, file), left) {
			t.Errorf("the file has %q", left)
		}
	}
	for complete, began := range map[bool]time.Time{false: noon.Add(time.Hour), true: noon} {
		is := tables.New(tables.Options{})
		l, _ := over(t, is, "tenant", -1, false)
		i := Import{Who: "alice: moved", Complete: complete, Now: noon.Add(time.Hour)}
		done, err := l.Import(t.Context(), opens(file), i)
		if err != nil || done.New != 20 || done.There != 0 || done.Again || !done.Beginning.Equal(began) {
			t.Errorf("imported %+v, %v; want a beginning at %s", done, err, began)
		}
		if diff := cmp.Diff(carried(was), carried(is)); diff != "" {
			t.Errorf("the rows differ (-want +got):\n%s", diff)
		}
		again, err := l.Import(t.Context(), opens(file), i)
		if err != nil || again.New != 0 || again.There != 20 || !again.Again || !again.Beginning.Equal(began) {
			t.Errorf("a second time: %+v, %v", again, err)
		}
	}
}

// TestAnImportThatIsKilledGoesOn kills an import at every call and gives it again. Whatever is there in between, its
// beginning is that of the import.
func TestAnImportThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	was := used(t)
	file := taken(t, was)
	for k, died := 0, true; died; k++ {
		for _, mute := range []bool{false, true} {
			is := tables.New(tables.Options{})
			l, life := over(t, is, "tenant", k, mute)
			i := Import{Who: "alice", Complete: true, Now: noon.Add(time.Hour)}
			_, err := l.Import(t.Context(), opens(file), i)
			if died = life.Died(); !died && err != nil {
				t.Fatal(err)
			}
			l, _ = over(t, is, "tenant", -1, false)
			began, err := l.Switches.Beginning(t.Context())
			if died && len(is.Rows("talerts")) > 0 && (err != nil || began.At.IsZero()) {
				t.Fatalf("killed after %d calls, there are alerts and no beginning, %v", k, err)
			}
			if len(is.Rows("talerts")) < 18 && !began.At.IsZero() && !began.At.Equal(i.Now) {
				t.Fatalf("killed after %d calls, half of it begins at %s", k, began.At)
			}
			done, err := l.Import(t.Context(), opens(file), i)
			if err != nil || done.New+done.There != 20 || !done.Beginning.Equal(noon) {
				t.Fatalf("killed after %d calls, the next one says %+v, %v", k, done, err)
			}
			if diff := cmp.Diff(carried(was), carried(is)); diff != "" {
				t.Fatalf("killed after %d calls, the rows differ (-want +got):\n%s", k, diff)
			}
		}
	}
}

func TestNoRowIsOverwrittenAndNobodysTablesAreTouched(t *testing.T) {
	t.Parallel()
	file := taken(t, used(t))
	other := taken(t, used(t))
	is := used(t)
	before := content(is)
	l, _ := over(t, is, "tenant", -1, false)
	_, err := l.Import(t.Context(), opens(file), Import{Now: noon})
	if err == nil || !strings.Contains(err.Error(), "the tables are not empty") ||
		!strings.Contains(err.Error(), "CORDON_TABLE_PREFIX") {
		t.Errorf("into tables of an app: %v", err)
	}
	if diff := cmp.Diff(before, content(is)); diff != "" {
		t.Errorf("they were changed (-want +got):\n%s", diff)
	}

	// An app began to use the tables while the import was interrupted: what it wrote stays.
	is = tables.New(tables.Options{})
	l, _ = over(t, is, "tenant", 30, false)
	if _, err := l.Import(t.Context(), opens(file), Import{Now: noon}); err == nil {
		t.Fatal("it was not interrupted")
	}
	newer := map[string]any{"Text": "newer"}
	is.PutRow("talerts", tables.Row{PartitionKey: "tenant|da17", RowKey: "seen", Properties: newer})
	l, _ = over(t, is, "tenant", -1, false)
	if _, err := l.Import(t.Context(), opens(other), Import{Now: noon}); err == nil ||
		!strings.Contains(err.Error(), "those of another export") {
		t.Errorf("another file on top of it: %v", err)
	}
	done, err := l.Import(t.Context(), opens(file), Import{Now: noon})
	if err != nil || done.There == 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if got := content(is)["alerts tenant|da17 seen"]["Text"]; got != "newer" {
		t.Errorf("a newer row was overwritten by %v", got)
	}
}

// TestAnExportOfALedgerThatMovesIsNotComplete has a poll succeed while rows are read.
func TestAnExportOfALedgerThatMovesIsNotComplete(t *testing.T) {
	t.Parallel()
	server := used(t)
	l, _ := over(t, server, "tenant", -1, false)
	var file bytes.Buffer
	end, err := l.Export(t.Context(), &file, Made("t", "1", noon), func(string, int) {
		_ = l.Switches.SetMark(context.Background(), markPoll, noon.Add(time.Minute), "")
	})
	if err != nil || !end.Moved {
		t.Errorf("%+v, %v", end, err)
	}
	into, _ := over(t, tables.New(tables.Options{}), "tenant", -1, false)
	if _, err := into.Import(t.Context(), opens(file.Bytes()), Import{Complete: true, Now: noon}); err == nil ||
		!strings.Contains(err.Error(), "leave --complete out") {
		t.Errorf("it is taken for complete: %v", err)
	}
	if _, err := into.Import(t.Context(), opens(file.Bytes()), Import{Now: noon}); err != nil {
		t.Error(err)
	}
}

// zeros is a text without an end.
type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	for i := range n {
		p[i] = '0'
	}
	z.left -= n
	return n, nil
}

// TestAFileFromOutsideIsRefusedBeforeAnythingIsWritten has a file of every kind that nobody should import.
func TestAFileFromOutsideIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	good := taken(t, used(t))
	text := unpacked(t, good)
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1]
	head, row, end := lines[0], lines[1], lines[len(lines)-1]
	with := func(changed ...string) []byte { return packed(strings.Join(changed, "")) }
	replaced := func(old, by string) []byte {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("the file has no %q", old)
		}
		return packed(strings.Replace(text, old, by, 1))
	}
	oneRow := func(table, row string) []byte {
		line := fmt.Sprintf(`{"table":%q,"row":%s}`+"\n", table, row)
		return with(head, line, `{"end":{"rows":1,"moved":false}}`+"\n")
	}
	alerts := func(row string) []byte { return oneRow("alerts", row) }
	switches := func(row string) []byte { return oneRow("switches", row) }
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.Copy(z, io.MultiReader(strings.NewReader(head), &zeros{1 << 26}))
	_ = z.Close()
	damaged := slices.Clone(good)
	damaged[len(damaged)-6] ^= 0xff // of the checksum
	for what, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":                  {nil, "this is no export of cordon"},
		"another file":             {[]byte("PK\x03\x04 a zip"), "this is no export of cordon"},
		"another text":             {packed("hello\n"), "it has no header"},
		"other JSON":               {packed(`{"format":1}` + "\n"), "it has no header"},
		"cut off":                  {good[:len(good)/2], "cut off or damaged"},
		"cut off at a line":        {with(head, row), "cut off or damaged"},
		"without its last byte":    {good[:len(good)-1], "damaged"},
		"a wrong checksum":         {damaged, "damaged"},
		"a row is missing":         {with(slices.Concat(lines[:5], lines[6:])...), "says it has"},
		"a line behind the end":    {with(text, row), "behind its end"},
		"a second file behind":     {slices.Concat(good, good), "behind its end"},
		"bytes behind":             {slices.Concat(good, []byte("x")), "behind its end"},
		"a newer format":           {replaced(`"cordonRecord":1`, `"cordonRecord":2`), "of format 2"},
		"another tenant":           {replaced(`"tenant":"tenant"`, `"tenant":"tenant-2"`), "of tenant \"tenant-2\""},
		"a bomb":                   {bomb.Bytes(), "longer than"},
		"a huge line":              {with(head, `{"table":"`+strings.Repeat("x", maxLine)+`"}`+"\n"), "longer than"},
		"an empty line":            {with(head, "\n", row, end), "is empty"},
		"no JSON":                  {with(head, "{\n", end), "line 2"},
		"no UTF-8":                 {with(head, strings.Replace(row, "caf", "\xff", 1), end), "not UTF-8"},
		"a row twice":              {with(head, row, row, end), "twice"},
		"rows in disorder":         {with(head, lines[2], row, end), "not in its place"},
		"an unknown table":         {oneRow("people", `{"PartitionKey":"tenant","RowKey":"x"}`), "no table"},
		"a table by its full name": {oneRow("talerts", `{"PartitionKey":"tenant","RowKey":"x"}`), "no table"},
		"no table":                 {with(head, "{}\n"), "no table"},
		"no row":                   {alerts(`null`), "is no row"},
		"a list":                   {alerts(`[]`), "is no row"},
		"no keys":                  {alerts(`{"Text":"x"}`), "no keys"},
		"keys that are no texts":   {alerts(`{"PartitionKey":1,"RowKey":{}}`), "no keys"},
		"a key with a quote":       {alerts(`{"PartitionKey":"tenant' or 'x","RowKey":"x"}`), "no keys"},
		"a key with a slash":       {alerts(`{"PartitionKey":"tenant|a","RowKey":"../x"}`), "no keys"},
		"a key with a control":     {alerts(`{"PartitionKey":"tenant","RowKey":"a\u0000"}`), "no keys"},
		"another partition":        {alerts(`{"PartitionKey":"tenant-2","RowKey":"x"}`), "not the tenant's"},
		"another's partition":      {alerts(`{"PartitionKey":"tenant-2|da1","RowKey":"x"}`), "not the tenant's"},
		"two partitions":           {alerts(`{"PartitionKey":"tenant","RowKey":"x","PartitionKey":"b"}`), "not the tenant's"},
		"a session":                {switches(`{"PartitionKey":"tenant|session","RowKey":"id"}`), "who may sign in"},
		"the key of cookies":       {switches(`{"PartitionKey":"tenant","RowKey":"signin-key"}`), "who may sign in"},
		"the row of an import":     {switches(`{"PartitionKey":"tenant","RowKey":"import"}`), "is in no export"},
		"a time of its own":        {alerts(`{"PartitionKey":"tenant","RowKey":"x","Timestamp":"2026"}`), "service's own"},
		"a list in a row":          {alerts(`{"PartitionKey":"tenant","RowKey":"x","A":[1]}`), "no single value"},
		"an object in a row":       {alerts(`{"PartitionKey":"tenant","RowKey":"x","A":{}}`), "no single value"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			is := tables.New(tables.Options{})
			l, _ := over(t, is, "tenant", -1, false)
			_, err := l.Import(t.Context(), opens(c.file), Import{Who: "alice", Now: noon})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if left := content(is); len(left) > 0 {
				t.Errorf("it wrote %v", left)
			}
		})
	}
}
