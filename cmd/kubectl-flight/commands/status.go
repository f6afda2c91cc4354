package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/target"
	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/transfer"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func (e *env) newStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status [CLUSTER]",
		Short: "Show how a FlightCluster does",
		Long: `Shows the conditions and members of a FlightCluster, and its datasets: what
Kubernetes declares of them and what the servers have.`,
		Example: `  kubectl flight status prod`,
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.target.Server != "" {
				return usage(cmd, errors.New("status is about a FlightCluster, and --server names none; kubectl flight ls lists the server's datasets"))
			}
			if len(args) > 0 {
				if e.target.Cluster != "" && e.target.Cluster != args[0] {
					return usage(cmd, fmt.Errorf("give one cluster, not %s and --cluster %s", args[0], e.target.Cluster))
				}
				e.target.Cluster = args[0]
			}
			return e.status(cmd.Context())
		},
	}
}

func (e *env) status(ctx context.Context) error {
	kube, err := e.target.Kubernetes()
	if err != nil {
		return err
	}
	cr, err := kube.FlightCluster(ctx, e.target.Cluster)
	if err != nil {
		return err
	}
	declared, err := kube.FlightDatasets(ctx, cr.Name)
	if err != nil {
		return err
	}
	e.target.Cluster = cr.Name
	served, serveErr := e.served(ctx)
	w := tabwriter.NewWriter(e.Out, 0, 0, 3, ' ', 0)
	showCluster(w, cr)
	showDatasets(w, declared, served, serveErr)
	return w.Flush()
}

// served lists what the servers have. An error is part of the status.
func (e *env) served(ctx context.Context) (datasets []transfer.Dataset, err error) {
	t, err := e.connect(ctx, settings.RoleReader)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	datasets, err = transfer.List(ctx, t.Client(), "")
	return datasets, explain(err, t, "")
}

func showCluster(w io.Writer, cr *v1alpha1.FlightCluster) {
	s := cr.Status
	fmt.Fprintf(w, "FlightCluster\t%s/%s\n", cr.Namespace, cr.Name)
	fmt.Fprintf(w, "Version\t%s\n", orNone(s.Version))
	fmt.Fprintf(w, "Replicas\t%d of %d ready\n", s.ReadyReplicas, s.Replicas)
	if s.PKI != nil && s.PKI.NotAfter != nil {
		fmt.Fprintf(w, "Certificate\tuntil %s, renewed before\n", s.PKI.NotAfter.UTC().Format("2006-01-02 15:04"))
	}
	if s.ObservedGeneration != cr.Generation {
		fmt.Fprintf(w, "Note\tthe operator has not yet looked at the newest spec\n")
	}
	showConditions(w, s.Conditions)
	fmt.Fprintf(w, "\nMEMBER\tSTATE\tUSED\tCAPACITY\n")
	for _, m := range s.Members {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, m.State, size(m.UsedBytes), size(m.CapacityBytes))
	}
}

func showConditions(w io.Writer, conditions []metav1.Condition) {
	fmt.Fprintf(w, "\nCONDITION\tSTATUS\tREASON\tMESSAGE\n")
	for _, c := range conditions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Type, c.Status, c.Reason, c.Message)
	}
}

// showDatasets joins what is declared with what is there, by name.
func showDatasets(w io.Writer, declared []v1alpha1.FlightDataset, served []transfer.Dataset, serveErr error) {
	resources := map[string]*v1alpha1.FlightDataset{}
	for i, d := range declared {
		resources[target.DatasetName(&d)] = &declared[i]
	}
	fmt.Fprintf(w, "\nDATASET\tROWS\tBYTES\tRESOURCE\tREADY\tVERSION\n")
	for _, d := range served {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Name, humanize.Comma(d.Rows), size(d.Bytes), resource(resources[d.Name]))
		delete(resources, d.Name)
	}
	for _, d := range declared {
		if name := target.DatasetName(&d); resources[name] != nil {
			fmt.Fprintf(w, "%s\t-\t-\t%s\n", name, resource(&d))
		}
	}
	if serveErr != nil {
		fmt.Fprintf(w, "\nThe servers could not be asked: %v\n", serveErr)
	}
}

// resource describes a dataset as Kubernetes has it.
func resource(d *v1alpha1.FlightDataset) string {
	if d == nil {
		return "-\t-\t-"
	}
	ready := "Unknown"
	for _, c := range d.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			ready = string(c.Status)
			if c.Status != metav1.ConditionTrue {
				ready += " (" + c.Reason + ")"
			}
		}
	}
	return strings.Join([]string{d.Name, ready, strconv.FormatInt(d.Status.Version, 10)}, "\t")
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
