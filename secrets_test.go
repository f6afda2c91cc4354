package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// recording keeps what is written to it.
type recording struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recording) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recording) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// public are the keys of Secrets whose values everybody may know.
var public = []string{corev1.TLSCertKey, settings.AdminCertFile, "ca.crt", "uri"}

// secretWord is how long a word of a Secret is that gives something away: tokens,
// passwords and the lines of keys are longer, names and times are shorter.
const secretWord = 40

// expectNoSecretTold looks for what the Secrets hold in all else that somebody
// may read: logs, events, resources, pods and their commands, settings.
func (l *life) expectNoSecretTold() {
	l.t.Helper()
	told := map[string]string{"the log": logged.String()}
	for name, list := range map[string]client.ObjectList{
		"events": &eventsv1.EventList{}, "clusters": &v1alpha1.FlightClusterList{}, "datasets": &v1alpha1.FlightDatasetList{},
		"pods": &corev1.PodList{}, "StatefulSets": &appsv1.StatefulSetList{}, "ConfigMaps": &corev1.ConfigMapList{},
	} {
		if err := api.Client.List(l.t.Context(), list, client.InNamespace(l.cluster.Namespace)); err != nil {
			l.t.Fatal(err)
		}
		text, err := json.Marshal(list)
		if err != nil {
			l.t.Fatal(err)
		}
		told[name] = string(text)
	}
	secrets := &corev1.SecretList{}
	if err := api.Client.List(l.t.Context(), secrets, client.InNamespace(l.cluster.Namespace)); err != nil {
		l.t.Fatal(err)
	}
	words := 0
	for i := range secrets.Items {
		for key, value := range secrets.Items[i].Data {
			if slices.Contains(public, key) {
				continue
			}
			for _, word := range secretWords(string(value)) {
				words++
				for where, text := range told {
					if strings.Contains(text, word) {
						l.t.Errorf("%s: %s of Secret %s stands there", where, key, secrets.Items[i].Name)
					}
				}
			}
		}
	}
	if words == 0 {
		l.t.Error("there are no secrets to look for")
	}
}

func secretWords(value string) (words []string) {
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(" \n\"',:{}[]", r) }) {
		if len(word) >= secretWord {
			words = append(words, word)
		}
	}
	return words
}
