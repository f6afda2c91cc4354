package stats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummarize(t *testing.T) {
	cases := map[string]struct {
		reason string
		values []float64
		want   Summary
		spread float64
	}{
		"nothing": {reason: "a cell that was not measured has no figures"},
		"one":     {reason: "one round has no spread", values: []float64{3}, want: Summary{3, 3, 3, 1}},
		"odd": {
			reason: "the median is the middle one, whatever the order of the rounds",
			values: []float64{5, 1, 4, 2, 3}, want: Summary{3, 2, 4, 5}, spread: 2.0 / 3,
		},
		"even": {
			reason: "between two values it is their middle",
			values: []float64{4, 1, 2, 3}, want: Summary{2.5, 1.75, 3.25, 4}, spread: 0.6,
		},
		"outlier": {
			reason: "one bad round moves neither median nor quartiles far",
			values: []float64{2, 2, 2, 2, 900}, want: Summary{2, 2, 2, 5},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Summarize(tc.values)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			if got.Spread() != tc.spread {
				t.Errorf("spread %v, want %v", got.Spread(), tc.spread)
			}
		})
	}
}

func TestSummarizeKeepsItsArgument(t *testing.T) {
	values := []float64{3, 1, 2}
	Summarize(values)
	if diff := cmp.Diff([]float64{3, 1, 2}, values); diff != "" {
		t.Errorf("the rounds were put in another order: %s", diff)
	}
}

func TestRatios(t *testing.T) {
	got, err := Ratios([]float64{4, 2}, []float64{2, 4})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{2, 0.5}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Ratios([]float64{1}, []float64{1, 2}); err == nil {
		t.Error("rounds without a counterpart were compared")
	}
	if _, err := Ratios([]float64{1}, []float64{0}); err == nil {
		t.Error("a round that measured nothing was compared with")
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{30, 10, 20, 0}
	for q, want := range map[float64]float64{0: 0, 0.5: 15, 1: 30} {
		if got := Quantile(values, q); got != want {
			t.Errorf("Quantile(%v) = %v, want %v", q, got, want)
		}
	}
	if got := Quantile(nil, 0.5); got != 0 {
		t.Errorf("Quantile of nothing = %v", got)
	}
}
