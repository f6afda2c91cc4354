// Package httpdata serves the data behind tickets to plain HTTP clients, as an
// Arrow stream, an Arrow file or Parquet.
//
// A link holds a ticket and names the credentials of the caller that it was made
// for, signed: whoever has the link may read that data until it expires or the
// credentials end, and nothing else.
// As long as the data lies in the same files, a link gives the same bytes, which
// its ETag names, so that parts of them can be asked for.
package httpdata
