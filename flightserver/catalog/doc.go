// Package catalog gives datasets their names, formats and schemas. The data is
// the store's; the catalog is a log of its own in the same directory, whose
// entries are these, in JSON behind a line with their checksum:
//
//	catalog/0   {"cluster":{"uid":…}}                         whom the directory belongs to
//	catalog/n   {"create":{"id":…,"path":…,"format":…}}       a name, with what was declared of it
//	            {"declare":{"id":…,"schema":…,"access":…,"retention":…,"compression":…}}
//	                                                      a schema that binds later uploads, who may
//	                                                      do what, and the policy
//	            {"rename":{"id":…,"path":…}}
//	            {"drop":{"id":…}}
//	            {"checkpoint":{"id":…,"at":…,"part":0,"parts":2,"cluster":…,"datasets":[…]}}
//
// Numbers have twenty digits. A dataset is there from its create entry on: an
// upload into a new name commits its data first and the entry after, so that a
// crash between leaves a directory that no entry names, and the next start
// removes it. A drop is the other way round: the entry first, the files when
// the last reader is done.
//
// A checkpoint has the datasets that were there before entry "at", in as many
// parts as entries of a MiB need. Once all parts are in the log, the entries
// below "at" are removed, the lowest first. A start takes the newest checkpoint
// that has all its parts and applies the entries from "at" on, which must have
// no gap; parts of a checkpoint that a crash cut short mean nothing, and go with
// the next one's.
//
// A start reads the log alone. Each dataset's own log is read when it is first
// asked for, and all are read behind the start; what is damaged is found then,
// and told by the metric flightserver_datasets_broken.
//
// Parallel uploads live in memory. Their parts are segments that no manifest
// names before the upload is finished, so that a restart removes them.
package catalog
