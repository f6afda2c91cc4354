package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

var sample = Chart{
	Title: "less < more",
	Groups: []Group{
		{Name: "A & B", Bars: []Bar{{Label: "ours", Value: 2, Low: 1.8, High: 2.2, StandUp: true}, {Label: "theirs", Value: 1}}},
		{Name: "nothing"},
	},
}

func TestSVGIsXML(t *testing.T) {
	decoder := xml.NewDecoder(strings.NewReader(sample.SVG()))
	rectangles := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			rectangles++
		}
	}
	if rectangles != 3 { // the page and two bars
		t.Errorf("%d rectangles", rectangles)
	}
}

func TestBarsShareAScale(t *testing.T) {
	if long, short := sample.length(2), sample.length(1); long != 2*short {
		t.Errorf("2 is %v long, 1 is %v", long, short)
	}
	if longest := sample.length(2.2); left+longest > width {
		t.Errorf("the longest bar ends at %v of %d", left+longest, width)
	}
	if empty := (Chart{}).length(1); empty != 0 {
		t.Errorf("a chart without bars has a bar of %v", empty)
	}
}

func TestDarkPagesHaveColoursOfTheirOwn(t *testing.T) {
	_, dark, _ := strings.Cut(sample.SVG(), "prefers-color-scheme: dark")
	for _, class := range []string{".page", ".text", ".faint", ".bar", ".ours", ".range"} {
		if !strings.Contains(dark, class) {
			t.Errorf("%s looks on a dark page as on a light one", class)
		}
	}
}
