package settings

// Version is the release that both programs were built as; the linker sets it.
var Version = "dev"
