package app

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/handler/app/setup"
	"cordon/handler/desk/shared"
	"cordon/handler/doctor"
	"cordon/handler/ledger"
)

func TestPeopleSeeDefenderTogetherAndActAlone(t *testing.T) {
	t.Parallel()
	settings := loaded(t, "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=s3cr3t", nil)
	d := newDesk(settings, clients{ledger: &ledger.Store{}, api: &setup.API{}}, nil, nil)
	if acts, is := d.Actions.(*shared.Defender); !is || d.Seen != acts.Reads() {
		t.Errorf("acts by %T, looks by %T", d.Actions, d.Seen)
	}
}

func TestManyWhoAskTheDoctorShareOneLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		ask := oneDoctor(func(context.Context) []doctor.Finding {
			looks++
			time.Sleep(20 * time.Second)
			return []doctor.Finding{{Check: "tables", State: doctor.OK}}
		})
		crowd := func(want int) {
			t.Helper()
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if found, err := ask(t.Context()); err != nil || len(found) != 1 {
						t.Errorf("%+v, %v", found, err)
					}
				})
			}
			group.Wait()
			if looks != want {
				t.Errorf("%d looks, want %d", looks, want)
			}
		}
		crowd(1)
		crowd(1)
		time.Sleep(10 * time.Second) // 30 s since it began
		crowd(2)
	})
}
