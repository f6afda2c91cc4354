package certmanager

import (
	"context"
	"testing"

	webhooktest "github.com/cert-manager/cert-manager/test/webhook"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// registrations are those of cert-manager's chart, with a URL instead of a Service.
func registrations(webhook webhooktest.ServerOptions) []client.Object {
	meta := metav1.ObjectMeta{Name: "cert-manager-webhook"}
	const name = "webhook.cert-manager.io"
	reach := func(path string) admissionregistrationv1.WebhookClientConfig {
		return admissionregistrationv1.WebhookClientConfig{URL: new(webhook.URL + path), CABundle: webhook.CAPEM}
	}
	return []client.Object{
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: name, ClientConfig: reach("/validate"), AdmissionReviewVersions: []string{"v1"}, SideEffects: new(admissionregistrationv1.SideEffectClassNone),
			Rules: rules([]string{"cert-manager.io", "acme.cert-manager.io"}, "*/*", admissionregistrationv1.Create, admissionregistrationv1.Update),
		}}},
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: name, ClientConfig: reach("/mutate"), AdmissionReviewVersions: []string{"v1"}, SideEffects: new(admissionregistrationv1.SideEffectClassNone),
			Rules: rules([]string{"cert-manager.io"}, "certificaterequests", admissionregistrationv1.Create),
		}}},
	}
}

func rules(groups []string, kind string, operations ...admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
	return []admissionregistrationv1.RuleWithOperations{{
		Operations: operations,
		Rule:       admissionregistrationv1.Rule{APIGroups: groups, APIVersions: []string{"v1"}, Resources: []string{kind}},
	}}
}

func register(t *testing.T, config *rest.Config, webhook webhooktest.ServerOptions) {
	t.Helper()
	api, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range registrations(webhook) {
		// One that was killed has left its own.
		if err := client.IgnoreNotFound(api.Delete(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// unregister lets objects of cert-manager be changed without it, and so deleted.
func unregister(ctx context.Context, t *testing.T, config *rest.Config) {
	t.Helper()
	api, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range registrations(webhooktest.ServerOptions{}) {
		if err := api.Delete(ctx, object); err != nil {
			t.Error(err)
		}
	}
}
