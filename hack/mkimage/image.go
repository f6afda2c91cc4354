package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
)

// created is the time that every image tells: a real one would make each build
// another image.
const created = "1970-01-01T00:00:00Z"

// image is an image of one layer.
type image struct {
	tag        string // REPO:TAG
	arch       string // as GOARCH
	user       string
	entrypoint []string
	layer      []byte // an uncompressed tar
}

// config is the image's configuration as the OCI image specification has it.
type config struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      string    `json:"created"`
	Config       process   `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
	History      []history `json:"history"`
}

type process struct {
	Env        []string `json:"Env"`
	Entrypoint []string `json:"Entrypoint,omitempty"`
	User       string   `json:"User,omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type history struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

// manifest lists what a docker-archive holds.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (i image) write(w io.Writer) error {
	layerSum := sum(i.layer)
	conf, err := json.Marshal(config{
		Architecture: i.arch,
		OS:           "linux",
		Created:      created,
		Config: process{
			Env:        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Entrypoint: i.entrypoint,
			User:       i.user,
		},
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{"sha256:" + layerSum}},
		History: []history{{Created: created, CreatedBy: "mkimage"}},
	})
	if err != nil {
		return err
	}
	confName, layerName := sum(conf)+".json", layerSum+"/layer.tar"
	list, err := json.Marshal([]manifest{{Config: confName, RepoTags: []string{i.tag}, Layers: []string{layerName}}})
	if err != nil {
		return err
	}

	archive := tar.NewWriter(w)
	for _, entry := range []struct {
		name    string
		content []byte
	}{
		{confName, conf},
		{layerName, i.layer},
		{"manifest.json", list},
	} {
		header := &tar.Header{Name: entry.name, Mode: 0o644, Size: int64(len(entry.content)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(entry.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
