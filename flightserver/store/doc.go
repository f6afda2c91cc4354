// Package store keeps versions of datasets: immutable segments of records, and
// a log for each dataset whose entries, the manifests, name the segments of one
// version each. It needs two things from below, [Segments] and [Commits]; a
// directory gives both.
//
// # Layout
//
// A data directory holds
//
//	LOCK                       held by flock(2) while a server or a check runs
//	RESERVE                    256 KiB that a full volume gives up for dropping
//	NEWEST                     the newest version of each dataset, for listing
//	tmp/<32 hex>-<log>         log entries that have no number yet
//	tmp/<32 hex>               a NEWEST that is being written
//	catalog/<n>                the catalog's log, see package catalog
//	d/<id>/m/<n>               entry n of the dataset's log, a manifest
//	d/<id>/s/<upload>/<n>      segment n of an upload
//	d/<id>/s/<upload>/<n>.sum  its sidecar
//	cache/<32 hex>             a Parquet segment, decoded, as an Arrow segment
//	cache/<32 hex>.sum         its sidecar
//
// <id> and <upload> are 32 lower-case hex digits, drawn at random: no name that
// a client chose reaches the file system. <upload> is drawn for every attempt,
// so that nothing is written twice; the id that a client gives an upload to
// retry it stands in the manifest. <n> of a log has 20 decimal digits, <n> of a
// segment as many as it needs. <log> is catalog or d-<id>-m.
//
// # Segments
//
// A segment is a whole Arrow IPC file, or a whole Parquet file, zstd, with the
// Arrow schema in its metadata; other programs open it as it is. A file of the
// one format cannot replace a dictionary, only extend it, so an upload whose
// dictionary is replaced goes on in the next segment; so does one that passes a
// GiB.
//
// The messages of an Arrow file are those that go over the wire: none is larger
// than stock clients take, unless a single row is, and each body begins at a
// multiple of 64 bytes. So that nothing lies between two messages, the padding
// stands behind a header, inside the length that precedes it. Bodies may be
// compressed, each message as it says itself. What a client sent is kept byte by
// byte, unless it has dictionaries, is compressed or is to be, or is too large.
//
// Beside the segment stands its sidecar. Integers are little-endian, checksums
// CRC-32C. That of an Arrow file is an index of its messages, which follow one
// another from the end of the head to the tail:
//
//	0   8   "FLTIDX1\n"
//	8   8   bytes in the head: the magic and the schema's message
//	16  4   checksum of the head
//	20  8   bytes in the tail: the stream's end and the footer
//	28  4   checksum of the tail
//	32  4   messages
//	36  4   columns that have bounds: those of the schema, or none of more than 1024
//	40  1   1: a dictionary is extended
//
// and for each message
//
//	0   1   1: a dictionary
//	1   4   bytes before the body: 8 of marks, the header, padding
//	5   4   bytes in the header
//	9   8   bytes in the message, from its marks to the end of its body
//	17  4   checksum of these bytes
//	21  4   bytes in the app_metadata
//	25  …   the app_metadata of the batch
//
// and, unless it is a dictionary, 8 bytes of its number of rows, then for each
// column
//
//	0   1   1: a lower bound follows, 2: an upper bound, 3: both
//	1   8   nulls
//	9   1   bytes in the bound, at most 64
//	10  …   the bound
//
// Bounds sort by their bytes: integers have 8, big-endian, signed ones with the
// first bit turned round; floating-point numbers are widened to 8 bytes, of
// which the first bit is turned round, or all bits of a negative number;
// decimals of 128 bits have 16; texts have the first 64 bytes, an upper bound is
// then counted up. There are none beside a NaN, and none of nested values.
//
// The sidecar of a Parquet file has the checksums of its blocks:
//
//	0   8   "FLTSUM1\n"
//	8   4   bytes in a block: 262144
//	12  8   bytes in the segment
//	20  4   checksum of block 0
//	24  4   checksum of block 1, and so on; the last block may be short
//
// The manifest has the size of the segment and the checksum of the sidecar, so
// one chain of checksums reaches from a manifest to every byte. Arrow segments
// are mapped: a message is verified before the first reader uses a byte of it,
// and again when the segment was unmapped meanwhile. A block of a Parquet file
// is verified each time it is read.
//
// # Logs
//
// An entry is text of at most a MiB: a line with the checksum of all that
// follows, and JSON.
//
//	flightserver manifest 1 crc32c:8ab3f0e2
//	{"n":8,"version":7,"parent":6,"nonce":"…","created":"…","rows":…,"bytes":…,"partitions":[{"added":[…]}],"uploads":[…]}
//
// A manifest adds segments to those of its parent, or is whole: then it names
// all segments, the schema and the last 1024 uploads. A partition that it adds
// to is that of the same place; places past the parent's last are new. What
// replaces its parent is whole, and so is every 64th entry or, of a log with
// many segments, every one after an eighth as many entries, unless it would pass
// a MiB; a start reads from the last whole one on. The nonce makes the bytes of
// each try its own: a writer that got no answer reads the entry and knows whose
// it is.
//
// Entries have numbers of their own, since not every one makes a version. One
// whose parent is its own version puts other segments with the same rows in the
// same order under it: compaction does. Tickets of the version go on to work,
// and who reads the old segments keeps them. A version that is restored names
// the segments of the old one; a directory of segments goes when the last
// version that names it does.
//
// NEWEST is written like an entry, of any size, when a server stops and when
// many datasets went on since. What it says of a dataset holds if the log ends
// with the entry that it names, which a look at the directory tells; else, and
// without the file, the log is read. So it may be old, or missing.
//
// # What survives a crash
//
// A write goes through these steps, and may stop after any:
//
//  1. Segments are written below a new upload directory. Nothing names it:
//     the next start removes it.
//  2. Segment and sidecar are synced, then the directories from the upload's
//     up. Still nothing names them.
//  3. The manifest is written to tmp and synced. The next start removes it.
//  4. It is linked under its number, which fails if the number is taken.
//     A server that starts after its process died sees the version, though a
//     loss of power would still take it back. The name of the file in tmp tells
//     of that: the start syncs the log before it believes it.
//  5. The log's directory is synced. The version is there for good, and the
//     upload is acknowledged only now. Had the sync failed, the outcome would be
//     unknown: the writer is told so, and the files stay.
//  6. The file in tmp is removed.
//
// Deleting goes the other way round, so that no manifest that can be read names
// a segment that is gone: first the version is taken from readers, then
// manifests are removed, the lowest first, and their directory synced, then the
// segments, once the last reader is done. A start skips the manifests below the
// oldest whole one of an unbroken run. Segments that no manifest names are
// removed when the dataset is loaded, before anything is written to it.
//
// Compaction goes the way of a write. A crash before its entry leaves segments
// that nothing names, one after it old segments that nothing but older versions
// names.
package store
