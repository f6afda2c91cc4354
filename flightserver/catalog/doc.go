// Package catalog gives datasets their names, formats and schemas. The data is
// the store's; the catalog is a log of its own in the same directory, whose
// entries are these, in JSON behind a line with their checksum:
//
//	catalog/0   {"cluster":{"uid":…}}                         whom the directory belongs to
//	catalog/n   {"create":{"id":…,"path":…,"format":…}}       a name, with a schema when one was declared
//	            {"declare":{"id":…,"schema":…}}               a schema that binds later uploads
//	            {"drop":{"id":…}}
//
// Numbers have twenty digits. A dataset is there from its create entry on: an
// upload into a new name commits its data first and the entry after, so that a
// crash between leaves a directory that no entry names, and the next start
// removes it. A drop is the other way round: the entry first, the files when
// the last reader is done.
package catalog
