package main

import (
	"fmt"

	"github.com/flight-operator/flight-operator/test/bench/stats"
)

func median(values []float64) float64 { return stats.Summarize(values).Median }

// withSpread writes a median, and half the distance of the quartiles around it.
func withSpread(values []float64, format string) string {
	s := stats.Summarize(values)
	return fmt.Sprintf(format+" ±%.0f%%", s.Median, 50*s.Spread())
}

func sizeName(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
}

func unit(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}
