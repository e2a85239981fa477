package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"unicode/utf16"

	"github.com/klippa-app/go-pdfium"
	"github.com/tetratelabs/wazero/api"
)

// A machine calls the functions of PDFium in its sandbox. The methods of
// go-pdfium allocate on both sides and start a goroutine for each call, some
// fifteen calls for a character: a page takes 60 ms. A machine reads a character
// with four plain calls and its memory directly, and a page takes 3 ms.
//
// It remembers the first failure, after which it does nothing any more, so that a
// reader asks once at its end.
type machine struct {
	guest
	memory  api.Memory
	scratch uint32 // room in the sandbox for what functions return by pointer
	stack   [12]uint64
	err     error
}

// scratchSize is the size of the scratch room in bytes.
const scratchSize = 8 << 10

// A guest is what go-pdfium's instance offers below its methods.
type guest interface {
	// Fn returns a function that PDFium exports; the instance keeps it.
	Fn(name string) api.Function
	// CreateFileAccessReader lets PDFium read a file. Closing the instance ends it.
	CreateFileAccessReader(size int64, r io.ReadSeeker) (*uint64, *uint32, error)
}

var errGuest = errors.New("this version of go-pdfium does not show its module")

// newMachine returns the machine of an instance.
func newMachine(ctx context.Context, instance pdfium.Pdfium) (*machine, error) {
	implementation := instance.GetImplementation()
	g, ok := implementation.(guest)
	value := reflect.Indirect(reflect.ValueOf(implementation))
	if !ok || value.Kind() != reflect.Struct {
		return nil, errGuest
	}
	// The type is internal, its field is not.
	field := value.FieldByName("Module")
	if !field.IsValid() {
		return nil, errGuest
	}
	module, ok := field.Interface().(api.Module)
	if !ok {
		return nil, errGuest
	}
	m := &machine{guest: g, memory: module.Memory()}
	m.scratch = uint32(m.call(ctx, "malloc", scratchSize))
	if m.err == nil && m.scratch == 0 {
		m.err = errors.New("no memory in the sandbox")
	}
	return m, m.err
}

// call calls a function and returns its result. With a ctx that can end, the
// runtime watches it, which costs a goroutine: what returns at once is called with
// one that cannot.
func (m *machine) call(ctx context.Context, name string, params ...uint64) uint64 {
	if m.err != nil {
		return 0
	}
	return m.callFn(ctx, name, m.Fn(name), params...)
}

// callFn is call with the function at hand.
func (m *machine) callFn(ctx context.Context, name string, fn api.Function, params ...uint64) uint64 {
	if m.err != nil {
		return 0
	}
	if fn == nil {
		m.err = fmt.Errorf("pdfium has no function %s", name)
		return 0
	}
	copy(m.stack[:], params)
	if err := fn.CallWithStack(ctx, m.stack[:]); err != nil {
		m.err = fmt.Errorf("%s: %w", name, err)
		return 0
	}
	return m.stack[0]
}

// number calls a function that returns an int.
func (m *machine) number(ctx context.Context, name string, params ...uint64) int {
	return int(int32(m.call(ctx, name, params...)))
}

// float32s returns the i-th float32 of the scratch room.
func (m *machine) float32(i uint32) float64 {
	v, _ := m.memory.ReadFloat32Le(m.scratch + 4*i)
	return finite(float64(v))
}

// float64 returns the i-th float64 of the scratch room.
func (m *machine) float64(i uint32) float64 {
	v, _ := m.memory.ReadFloat64Le(m.scratch + 8*i)
	return finite(v)
}

// uint32 returns the i-th uint32 of the scratch room.
func (m *machine) uint32(i uint32) uint32 {
	v, _ := m.memory.ReadUint32Le(m.scratch + 4*i)
	return v
}

// at returns the address of the byte at offset in the scratch room, as a parameter.
func (m *machine) at(offset uint32) uint64 { return uint64(m.scratch + offset) }

// finite bounds a coordinate, so that sums of several cannot overflow.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, -1e6), 1e6)
}

// bytes calls a function whose last parameters are a buffer and its size and which
// returns how many bytes it has. What does not fit the scratch room is left out.
func (m *machine) bytes(ctx context.Context, name string, params ...uint64) []byte {
	const half = scratchSize / 2
	n := m.call(ctx, name, append(params, m.at(half), half)...) & math.MaxUint32
	if m.err != nil || n == 0 || n > half {
		return nil
	}
	data, _ := m.memory.Read(m.scratch+half, uint32(n))
	return append([]byte(nil), data...)
}

// utf16 is bytes for text that PDFium gives as UTF-16 with a zero at its end.
func (m *machine) utf16(ctx context.Context, name string, params ...uint64) string {
	data := m.bytes(ctx, name, params...)
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		if unit := uint16(data[i]) | uint16(data[i+1])<<8; unit != 0 {
			units = append(units, unit)
		}
	}
	return string(utf16.Decode(units))
}

// cString writes a short string with a zero at its end to the start of the scratch
// room and returns its address.
func (m *machine) cString(s string) uint64 {
	m.memory.Write(m.scratch, append([]byte(s), 0))
	return m.at(0)
}
