package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/http2"
)

// frame is what a peer makes of a frame.
type frame struct {
	kind   http2.FrameType
	flags  http2.Flags
	stream uint32
	body   string
}

// parse reads frames as a client does that announced most.
func parse(t *testing.T, sent []byte, most uint32) []frame {
	t.Helper()
	framer := http2.NewFramer(io.Discard, bytes.NewReader(sent))
	framer.SetMaxReadFrameSize(most)
	var frames []frame
	for {
		f, err := framer.ReadFrame()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatalf("frame %d: %v", len(frames), err)
		}
		h := f.Header()
		parsed := frame{kind: h.Type, flags: h.Flags, stream: h.StreamID}
		if data, ok := f.(*http2.DataFrame); ok {
			parsed.body = string(data.Data())
		}
		frames = append(frames, parsed)
	}
}

// joined is what frames say, however they are cut.
func joined(frames []frame) []frame {
	var out []frame
	for _, f := range frames {
		last := len(out) - 1
		if last >= 0 && f.kind == http2.FrameData && out[last].kind == f.kind && out[last].stream == f.stream && out[last].flags == 0 {
			out[last].body += f.body
			out[last].flags = f.flags
			continue
		}
		out = append(out, f)
	}
	return out
}

// writeFrames writes random frames as gRPC does: those of DATA in pieces, all
// others whole.
func writeFrames(t *testing.T, random *rand.Rand, w io.Writer) {
	t.Helper()
	framer := http2.NewFramer(w, nil)
	write := func(p []byte) {
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	stream := uint32(1)
	for range 200 {
		if random.IntN(8) == 0 {
			stream = 4 - stream
		}
		switch random.IntN(8) {
		case 0:
			if err := framer.WriteWindowUpdate(stream, 1+random.Uint32N(1000)); err != nil {
				t.Fatal(err)
			}
		case 1:
			h := http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte("trailers"), EndHeaders: true, EndStream: random.IntN(2) == 0}
			if err := framer.WriteHeaders(h); err != nil {
				t.Fatal(err)
			}
		default:
			body := pattern(random.IntN(4000))
			flags := byte(0)
			if random.IntN(10) == 0 {
				flags = byte(http2.FlagDataEndStream)
			}
			write([]byte{0, byte(len(body) >> 8), byte(len(body)), frameData, flags, 0, 0, 0, byte(stream)})
			cut := random.IntN(len(body) + 1)
			write(body[:cut])
			write(body[cut:])
		}
	}
}

// TestFramesAreJoined: what is told stays the same, in fewer frames, of which
// none is larger than the client wants it.
func TestFramesAreJoined(t *testing.T) {
	for _, most := range []uint32{leastMaxFrame, 100_000, 4 << 20} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed", seed)
			var plain, sent bytes.Buffer
			begin := make(chan struct{})
			var writers sync.WaitGroup
			under, peer := net.Pipe()
			defer peer.Close()
			c := newConn(under, func(b *batch) error {
				<-begin
				pieces := b.pieces
				_, err := pieces.WriteTo(&sent)
				return err
			}, &writers)
			c.sees.maxFrame.Store(int64(most))
			writeFrames(t, rand.New(rand.NewPCG(seed, 0)), &plain)
			writeFrames(t, rand.New(rand.NewPCG(seed, 0)), c)
			close(begin)
			writers.Wait()
			c.Close()
			before, after := parse(t, plain.Bytes(), most), parse(t, sent.Bytes(), most)
			if !slices.Equal(joined(before), joined(after)) {
				t.Error("the frames say something else")
			}
			// The first may have been on its way before the second came.
			if least := len(joined(before)); most > 1<<20 && len(after) > least+1 {
				t.Errorf("%d frames, though %d say the same", len(after), least)
			}
		})
	}
}

// TestUnknownFramesStay: what cannot be followed is passed on as it is.
func TestUnknownFramesStay(t *testing.T) {
	var s outbound
	h := []byte{0, 0, 5, frameData, 0, 0, 0, 0, 1}
	for i, step := range []struct {
		p    []byte
		want gRPCWrite
	}{
		{h, dataHeader},
		{h[:5], restOfFrame},
		{append(slices.Clone(h), h[:5]...), otherFrame}, // with its payload
		{h[:4], otherFrame},                             // a part of a header: lost
		{h, otherFrame},
	} {
		if got := s.next(step.p); got != step.want {
			t.Errorf("write %d is %d, want %d", i, got, step.want)
		}
	}
}

func TestClientAnnouncesFrames(t *testing.T) {
	var said bytes.Buffer
	said.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&said, nil)
	err := errors.Join(
		framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 22}),
		framer.WriteData(1, false, bytes.Repeat([]byte{0, 0, 6, frameSettings, 0}, 100)),
		framer.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 24}), // not allowed
		framer.WriteSettingsAck(),
		framer.WriteSettings(),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 7, 9, 1 << 20} {
		r := newInbound()
		for p := range slices.Chunk(said.Bytes(), step) {
			r.observe(p)
		}
		if n := r.maxFrame.Load(); n != 1<<22 {
			t.Errorf("read %d bytes at a time: frames of %d", step, n)
		}
	}
}
