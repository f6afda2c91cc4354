// Package fault makes errors of the faults that memory-mapped files have.
package fault

import (
	"errors"
	"runtime/debug"
)

// Err says that mapped memory could not be read, which is how a file that was cut
// and a volume that fails show themselves.
var Err = errors.New("memory that is mapped from a file cannot be read: the volume failed, or the file was cut")

// Guard runs what touches memory that may be a mapped file. Where it cannot be
// read, that is a fault of the processor: an error that is Err here, where it
// would else be the end of the process. Panics of other kinds pass through.
func Guard(touch func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if _, fault := p.(interface{ Addr() uintptr }); !fault {
			panic(p)
		}
		err = Err
	}()
	touch()
	return nil
}
