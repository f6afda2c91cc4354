// Package progress shows how far a transfer is: a bar on a terminal, a line
// now and then elsewhere.
package progress

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"k8s.io/utils/clock"
)

// Style is how progress is shown.
type Style int

// Styles.
const (
	Silent Style = iota
	Lines        // for logs
	Bar          // for terminals
)

const (
	lineEvery = 10 * time.Second
	barEvery  = 100 * time.Millisecond
	barSteps  = 1000
)

// Display shows the progress of one transfer. One goroutine uses it.
type Display struct {
	out   io.Writer
	style Style
	title string
	clock clock.PassiveClock
	start time.Time
	shown time.Time // when the last line or bar was
	bar   *progressbar.ProgressBar
}

// New begins to measure time. Nothing is shown before the first Update.
func New(out io.Writer, style Style, title string, c clock.PassiveClock) *Display {
	now := c.Now()
	return &Display{out: out, style: style, title: title, clock: c, start: now, shown: now}
}

// State is how far a transfer is.
type State struct {
	Done  float64 // from 0 to 1; negative: not known
	Rows  int64
	Bytes int64
}

// Update shows the state if the last one was shown long enough ago.
func (d *Display) Update(s State) {
	now := d.clock.Now()
	switch {
	case d.style == Lines && now.Sub(d.shown) >= lineEvery:
		d.shown = now
		fmt.Fprintln(d.out, d.line(s, now))
	case d.style == Bar && now.Sub(d.shown) >= barEvery:
		d.shown = now
		d.draw(s, now)
	}
}

// line describes the state in words.
func (d *Display) line(s State, now time.Time) string {
	text := d.title + ": "
	if s.Done >= 0 {
		text += fmt.Sprintf("%.0f %%, ", s.Done*100)
	}
	return text + amount(s) + ", " + rate(s, now.Sub(d.start))
}

func (d *Display) draw(s State, now time.Time) {
	if d.bar == nil {
		d.bar = newBar(d.out, s.Done >= 0)
	}
	d.bar.Describe(d.title + " " + amount(s) + ", " + rate(s, now.Sub(d.start)))
	// A bar that cannot be drawn is no reason to fail.
	_ = d.bar.Set64(int64(max(s.Done, 0) * barSteps))
}

func newBar(out io.Writer, known bool) *progressbar.ProgressBar {
	steps := int64(barSteps)
	if !known {
		steps = -1
	}
	return progressbar.NewOptions64(steps,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetWidth(20),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetSpinnerChangeInterval(0), // it would cost a goroutine
	)
}

// Close takes a bar away, so that what is written next stands alone.
func (d *Display) Close() {
	if d.bar != nil {
		_ = d.bar.Clear()
		_ = d.bar.Exit()
		d.bar = nil
	}
}

// Summary tells what a transfer that has ended moved.
func (d *Display) Summary(s State) string {
	elapsed := d.clock.Since(d.start)
	text := fmt.Sprintf("%s in %s", amount(s), elapsed.Round(time.Millisecond))
	if s.Bytes > 0 {
		text += " (" + rate(s, elapsed) + ")"
	}
	return text
}

func amount(s State) string {
	text := humanize.Comma(s.Rows) + " rows"
	if s.Bytes > 0 {
		text += ", " + humanize.Bytes(uint64(s.Bytes))
	}
	return text
}

func rate(s State, elapsed time.Duration) string {
	return humanize.Bytes(uint64(float64(s.Bytes)/max(elapsed.Seconds(), 1e-3))) + "/s"
}
