package server

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// putCommand is the command of a DoPut.
type putCommand struct {
	Dataset string       `json:"dataset"`
	Mode    catalog.Mode `json:"mode"`
	Upload  string       `json:"upload"` // names the upload across retries, or the parallel one that it is a part of
	Part    *int64       `json:"part"`   // its place among the parts
}

// uploadRequest tells where an upload goes: to the path, or to what the command
// says.
func uploadRequest(descriptor *flight.FlightDescriptor) (catalog.UploadRequest, error) {
	switch descriptor.GetType() {
	case flight.DescriptorPATH:
		_, err := requireDataset(strings.Join(descriptor.GetPath(), "/"))
		return catalog.UploadRequest{Path: descriptor.GetPath(), Mode: catalog.ModeReplace}, err
	case flight.DescriptorCMD:
		return commandRequest(descriptor.GetCmd())
	default:
		return catalog.UploadRequest{}, badRequest("the first message of an upload carries a descriptor, which says where the data goes")
	}
}

func commandRequest(body []byte) (catalog.UploadRequest, error) {
	if !isObject(body) {
		return catalog.UploadRequest{}, unsupported(`an upload's command is JSON such as {"dataset": "nyc/trips", "mode": "append"}`)
	}
	command := putCommand{Mode: catalog.ModeReplace}
	if err := decodeBody(body, &command); err != nil {
		return catalog.UploadRequest{}, err
	}
	if _, err := requireDataset(command.Dataset); err != nil {
		return catalog.UploadRequest{}, err
	}
	return catalog.UploadRequest{
		Path:     strings.Split(command.Dataset, "/"),
		Mode:     command.Mode,
		UploadID: command.Upload,
		Part:     command.Part,
	}, checkMode(command.Mode)
}

func checkMode(mode catalog.Mode) error {
	if _, err := catalog.ParseMode(string(mode)); err != nil {
		return badRequest("%w", err)
	}
	return nil
}
