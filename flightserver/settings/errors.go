package settings

// ReasonNoSpace is the reason in the ErrorInfo of a write that found the volume
// full: trying again at once is of no use.
const ReasonNoSpace = "NO_SPACE"
