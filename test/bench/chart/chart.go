// Package chart draws bars as SVG, readable on a light page and on a dark one.
package chart

import (
	"fmt"
	"html"
	"strings"
)

// Chart is some groups of horizontal bars on one scale.
type Chart struct {
	Title, Subtitle string
	Groups          []Group
}

// Group is bars that are compared with each other.
type Group struct {
	Name string
	Bars []Bar
}

// Bar is one value. The bars that a chart is about stand out.
type Bar struct {
	Label   string
	Value   float64
	Low     float64 // the ends of a line across the bar's end
	High    float64
	StandUp bool
}

// Sizes in pixels.
const (
	width      = 760
	labelWidth = 150
	valueWidth = 60
	barHeight  = 16
	barStep    = 22
	groupHead  = 34
	margin     = 16
	header     = 64
)

// One hue stands out of grey on both backgrounds; text follows the page.
const styles = `
  .page { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e } .rule { stroke: #d1d9e0 }
  .bar { fill: #b1bac4 } .ours { fill: #0969da } .range { stroke: #1f2328; stroke-width: 1.5 }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-size: 12px }
  .title { font-size: 16px; font-weight: 600 } .group { font-size: 13px; font-weight: 600 } .strong { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #f0f6fc } .faint { fill: #9198a1 } .rule { stroke: #3d444d }
    .bar { fill: #545d68 } .ours { fill: #4493f8 } .range { stroke: #f0f6fc }
  }
`

// SVG draws the chart.
func (c Chart) SVG() string {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n",
		width, c.height(), width, c.height(), html.EscapeString(c.Title))
	fmt.Fprintf(&out, "<style>%s</style>\n", styles)
	fmt.Fprintf(&out, `<rect class="page" width="%d" height="%d"/>`+"\n", width, c.height())
	text(&out, margin, 28, "title text", "start", c.Title)
	text(&out, margin, 48, "faint", "start", c.Subtitle)
	y := header
	for _, g := range c.Groups {
		y = c.group(&out, g, y)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func (c Chart) height() int {
	height := header + margin
	for _, g := range c.Groups {
		height += groupHead + barStep*len(g.Bars)
	}
	return height
}

// group draws from y on and gives where the next one begins.
func (c Chart) group(out *strings.Builder, g Group, y int) int {
	fmt.Fprintf(out, `<line class="rule" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", margin, y, width-margin, y)
	text(out, margin, y+22, "group text", "start", g.Name)
	y += groupHead
	for _, b := range g.Bars {
		c.bar(out, b, y)
		y += barStep
	}
	return y
}

func (c Chart) bar(out *strings.Builder, b Bar, y int) {
	class, label := "bar", "text"
	if b.StandUp {
		class, label = "ours", "text strong"
	}
	middle := y + barHeight/2
	text(out, margin+labelWidth-8, middle+4, label, "end", b.Label)
	fmt.Fprintf(out, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`+"\n", class, margin+labelWidth, y, c.length(b.Value), barHeight)
	if b.High > b.Low {
		fmt.Fprintf(out, `<line class="range" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n",
			left+c.length(b.Low), middle, left+c.length(b.High), middle)
	}
	end := int(c.length(max(b.Value, b.High)))
	text(out, left+end+8, middle+4, label, "start", fmt.Sprintf("%.2f", b.Value))
}

const left = margin + labelWidth

// length of a value in pixels: the longest bar leaves room for its figure.
func (c Chart) length(value float64) float64 {
	longest := 0.0
	for _, g := range c.Groups {
		for _, b := range g.Bars {
			longest = max(longest, b.Value, b.High)
		}
	}
	if longest == 0 {
		return 0
	}
	return value / longest * (width - left - valueWidth - margin)
}

func text(out *strings.Builder, x, y int, class, anchor, s string) {
	fmt.Fprintf(out, `<text class="%s" x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, html.EscapeString(s))
}
