//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// soakReport is what a run is looked at for.
type soakReport struct {
	mu    sync.Mutex
	soaks []*soak
}

func (r *soakReport) add(s *soak) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.soaks = append(r.soaks, s)
	slices.SortFunc(r.soaks, func(a, b *soak) int { return strings.Compare(a.name, b.name) })
}

// print writes two tables, and what the retries met.
func (r *soakReport) print(t *testing.T) {
	t.Helper()
	fmt.Printf("\nprovider %s, %s\n", *soakProvider, *soakTime)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CLUSTER\tCERTIFICATES MET\tROOTS MET\tTOKENS ROTATED\tRESTARTS")
	for _, s := range r.soaks {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", s.name, s.met(leaves), s.met(roots), s.rotated(), sum(s.ended)-sum(s.began))
	}
	fmt.Fprintln(w, "\nCLUSTER\tCLIENT\tREQUESTS\tRETRIED\tFAILED")
	retried := map[string]int{}
	for _, s := range r.soaks {
		for _, p := range s.probes {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", s.name, p.client, p.counts.Requests, sum(p.counts.Retried), sum(p.counts.Failed))
			for text, n := range p.counts.Retried {
				retried[p.client+": "+text] += n
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	for _, text := range slices.Sorted(maps.Keys(retried)) {
		fmt.Printf("retried %d times: %s\n", retried[text], text)
	}
}

func sum[N int | int32](m map[string]N) (n N) {
	for _, v := range m {
		n += v
	}
	return n
}
