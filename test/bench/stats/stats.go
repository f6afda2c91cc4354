// Package stats summarizes rounds of measurements on a machine that is noisy.
package stats

import (
	"fmt"
	"slices"
)

// Summary of some rounds: the median, and the quartiles around it.
type Summary struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // first quartile
	High   float64 `json:"high"` // third quartile
	Rounds int     `json:"rounds"`
}

// Summarize orders the values of some rounds. Without a value all is zero.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Summary{
		Median: quantile(sorted, 0.5),
		Low:    quantile(sorted, 0.25),
		High:   quantile(sorted, 0.75),
		Rounds: len(sorted),
	}
}

// Spread is the distance of the quartiles, as a part of the median.
func (s Summary) Spread() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.High - s.Low) / s.Median
}

// Ratios divides round by round. What slows the machine down for a while slows
// both sides of one round, so these scatter less than their parts.
func Ratios(numerators, denominators []float64) ([]float64, error) {
	if len(numerators) != len(denominators) {
		return nil, fmt.Errorf("%d rounds against %d", len(numerators), len(denominators))
	}
	ratios := make([]float64, len(numerators))
	for i, d := range denominators {
		if d == 0 {
			return nil, fmt.Errorf("round %d measured nothing to compare with", i+1)
		}
		ratios[i] = numerators[i] / d
	}
	return ratios, nil
}

// Quantile gives the value below which the part q of the values lies.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return quantile(slices.Sorted(slices.Values(values)), q)
}

// quantile interpolates between the two nearest values.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	below := int(place)
	if below+1 == len(sorted) {
		return sorted[below]
	}
	part := place - float64(below)
	return sorted[below]*(1-part) + sorted[below+1]*part
}
