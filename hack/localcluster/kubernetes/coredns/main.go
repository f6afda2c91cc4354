// Coredns is CoreDNS with only the plugins that a cluster without a way out
// needs; the whole set would be five times the size.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	// Each plugin registers itself.
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The order is that of the chain: a query runs from left to right. Template
	// comes last and answers what kubernetes did not.
	dnsserver.Directives = []string{"errors", "log", "health", "ready", "cache", "kubernetes", "template"}
	coremain.Run()
}
