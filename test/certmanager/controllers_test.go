package certmanager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	crca "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	crselfsigned "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	"github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"         // registers the kind of issuer
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned" // registers the kind of issuer
)

// names are the controllers that issue from authorities in Secrets. Those of
// ACME, Vault, Venafi and Gateway API have nothing to do here.
var names = []string{
	issuers.ControllerName, clusterissuers.ControllerName,
	trigger.ControllerName, keymanager.ControllerName, requestmanager.ControllerName,
	issuing.ControllerName, readiness.ControllerName, revisionmanager.ControllerName,
	approver.ControllerName, crca.CRControllerName, crselfsigned.CRControllerName,
}

const (
	workers = 2
	// The default backoff is an hour: a cluster that is made anew under one name
	// would wait for it.
	leastBackoff, mostBackoff = time.Second, 10 * time.Second
)

// runControllers returns when ctx is done.
func runControllers(ctx context.Context, kubeconfig string) error {
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:       kubeconfig,
		KubernetesAPIQPS: 100, KubernetesAPIBurst: 200,
		IssuerOptions: controller.IssuerOptions{ClusterResourceNamespace: "cert-manager"},
		CertificateOptions: controller.CertificateOptions{
			CertificateRequestMinimumBackoffDuration: leastBackoff,
			CertificateRequestMaximumBackoffDuration: mostBackoff,
		},
	})
	if err != nil {
		return err
	}
	shared, err := factory.Build() // has the informers of all controllers that the factory builds
	if err != nil {
		return err
	}
	all, err := build(factory)
	if err != nil {
		return err
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	var wait sync.WaitGroup
	errs := make([]error, len(all))
	for i, c := range all {
		wait.Go(func() { errs[i] = c.Run(workers, ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

func build(factory *controller.ContextFactory) ([]controller.Interface, error) {
	known := controller.Known()
	var all []controller.Interface
	for _, name := range names {
		construct, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("cert-manager has no controller %s", name)
		}
		c, err := construct(factory)
		if err != nil {
			return nil, fmt.Errorf("controller %s: %w", name, err)
		}
		all = append(all, c)
	}
	return all, nil
}
