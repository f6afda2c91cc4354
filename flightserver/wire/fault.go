package wire

import (
	"errors"
	"runtime/debug"
)

// errFault says that mapped memory could not be read, which is how a volume that
// fails shows itself.
var errFault = errors.New("wire: the volume failed while its data were sent")

// guard runs what touches memory that may be a mapped file. Where the file has
// ended, or its volume fails, reading it is a fault of the processor: an error
// here, where it would else be the end of the process.
func guard(touch func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if _, fault := p.(interface{ Addr() uintptr }); !fault {
			panic(p)
		}
		err = errFault
	}()
	touch()
	return nil
}
