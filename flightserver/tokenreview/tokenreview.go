// Package tokenreview asks the API server of Kubernetes whose a token is. It is
// the one part of the server that knows Kubernetes.
package tokenreview

import (
	"context"
	"fmt"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// What one server asks of the API server at most: whoever makes up tokens must
// not keep it from its work.
const (
	reviewsPerSecond = 50
	reviewsAtOnce    = 100
)

// Client is an auth.Reviewer.
type Client struct {
	connect func() (rest.Interface, error)
}

// New gives a client of the API server that config tells. It is asked at the
// first review: most servers never make one, and many have no Kubernetes.
func New(config func() (*rest.Config, error)) *Client {
	return &Client{connect: sync.OnceValues(func() (rest.Interface, error) {
		c, err := config()
		if err != nil {
			return nil, fmt.Errorf("finding the API server: %w", err)
		}
		return connect(c)
	})}
}

// InCluster gives a client of the API server of the pod that this process runs
// in.
func InCluster() *Client { return New(rest.InClusterConfig) }

// connect makes a client that knows reviews and nothing else: the clients that
// are generated know every kind of Kubernetes, which makes a program larger.
func connect(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := authenticationv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.APIPath = "/apis"
	c.GroupVersion = &authenticationv1.SchemeGroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.QPS, c.Burst = reviewsPerSecond, reviewsAtOnce
	c.WarningHandlerWithContext = rest.NoWarnings{}
	return rest.RESTClientFor(c)
}

// Review implements auth.Reviewer.
func (c *Client) Review(ctx context.Context, token, audience string) (auth.Review, error) {
	client, err := c.connect()
	if err != nil {
		return auth.Review{}, err
	}
	answer := &authenticationv1.TokenReview{}
	err = client.Post().Resource("tokenreviews").
		VersionedParams(&metav1.CreateOptions{}, metav1.ParameterCodec).
		Body(&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}}}).
		Do(ctx).Into(answer)
	if err != nil {
		return auth.Review{}, fmt.Errorf("reviewing a token: %w", err)
	}
	return auth.Review{
		Authenticated: answer.Status.Authenticated,
		Username:      answer.Status.User.Username,
		Audiences:     answer.Status.Audiences,
	}, nil
}
