package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

const kubernetesDir = root + "/examples/kubernetes"

// cluster is what the files ask Kubernetes for, by name.
type cluster struct {
	sets     map[string]*apps.StatefulSet
	services map[string]*core.Service
	secrets  map[string]*core.Secret
	policies map[string]*networking.NetworkPolicy
}

// TestKubernetesFiles: each object is of a kind that Kubernetes has, in the case
// that it has, with no field that is unknown or there twice; and what objects say of
// each other, and of the programs, is so.
func TestKubernetesFiles(t *testing.T) {
	c := decoded(t)
	if len(c.sets) != 2 || len(c.services) != 2 || len(c.secrets) != 2 || len(c.policies) != 1 {
		t.Fatalf("%d sets, %d services, %d secrets, %d policies", len(c.sets), len(c.services), len(c.secrets),
			len(c.policies))
	}
	for name, set := range c.sets {
		t.Run(name, func(t *testing.T) { c.checkSet(t, set) })
	}
	for _, service := range c.services {
		c.checkService(t, service)
	}
	for _, policy := range c.policies {
		c.checkPolicy(t, policy)
	}
}

// decoded reads the files strictly, as an API server told to be strict does.
func decoded(t *testing.T) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apps.AddToScheme, core.AddToScheme, networking.AddToScheme} {
		check(t, add(scheme))
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	c := &cluster{map[string]*apps.StatefulSet{}, map[string]*core.Service{}, map[string]*core.Secret{},
		map[string]*networking.NetworkPolicy{}}
	files, err := filepath.Glob(kubernetesDir + "/*.yaml")
	check(t, err)
	for _, file := range files {
		for i, document := range strings.Split(text(t, file), "\n---\n") {
			object, _, err := decoder.Decode([]byte(document), nil, nil)
			if err == nil {
				err = c.add(object)
			}
			if err != nil {
				t.Fatalf("%s, document %d: %v", file, i, err)
			}
		}
	}
	return c
}

// add files an object under its name.
func (c *cluster) add(object runtime.Object) error {
	switch o := object.(type) {
	case *apps.StatefulSet:
		c.sets[o.Name] = o
	case *core.Service:
		c.services[o.Name] = o
	case *core.Secret:
		c.secrets[o.Name] = o
	case *networking.NetworkPolicy:
		c.policies[o.Name] = o
	default:
		return fmt.Errorf("a %T: nothing here checks it", object)
	}
	return nil
}

// selected returns the sets whose pods have these labels.
func (c *cluster) selected(labels map[string]string) (sets []*apps.StatefulSet) {
	for _, set := range c.sets {
		if has(set.Spec.Template.Labels, labels) {
			sets = append(sets, set)
		}
	}
	return sets
}

func has(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if labels[name] != value {
			return false
		}
	}
	return len(wanted) > 0
}

// checkService: the service leads to a port of a pod.
func (c *cluster) checkService(t *testing.T, service *core.Service) {
	t.Helper()
	sets := c.selected(service.Spec.Selector)
	if len(sets) != 1 {
		t.Errorf("the service %s selects the pods of %d sets", service.Name, len(sets))
		return
	}
	for _, port := range service.Spec.Ports {
		if number := portOf(sets[0], port.TargetPort.String()); number != port.Port {
			t.Errorf("the service %s has port %d, which leads to port %d", service.Name, port.Port, number)
		}
	}
}

// portOf returns the number of a pod's port with that name, or 0.
func portOf(set *apps.StatefulSet, name string) int32 {
	for _, container := range set.Spec.Template.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name {
				return port.ContainerPort
			}
		}
	}
	return 0
}

// checkPolicy: the policy is for pods that there are, names their ports, and lets
// the collector and vsftpd's passive ports through.
func (c *cluster) checkPolicy(t *testing.T, policy *networking.NetworkPolicy) {
	t.Helper()
	sets := c.selected(policy.Spec.PodSelector.MatchLabels)
	if len(sets) != 1 {
		t.Fatalf("the policy is for the pods of %d sets", len(sets))
	}
	open := make(map[string]bool)
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			if port.EndPort != nil {
				open[fmt.Sprintf("%d-%d", port.Port.IntVal, *port.EndPort)] = c.letsIn(rule)
				continue
			}
			if portOf(sets[0], port.Port.String()) == 0 {
				t.Errorf("the policy names the port %s, which no container has", port.Port)
			}
			open[port.Port.String()] = c.letsIn(rule)
		}
	}
	if passive := passivePorts(t); !open[passive] || !open["ftp"] {
		t.Errorf("the collector does not reach ftp, or the passive ports %s: %v", passive, open)
	}
}

// letsIn reports whether a rule lets in the pods of one of the sets.
func (c *cluster) letsIn(rule networking.NetworkPolicyIngressRule) bool {
	for _, from := range rule.From {
		if from.PodSelector != nil && len(c.selected(from.PodSelector.MatchLabels)) > 0 {
			return true
		}
	}
	return false
}

// passivePorts returns the range that our vsftpd takes: "30000-30127".
func passivePorts(t *testing.T) string {
	t.Helper()
	conf, err := os.ReadFile(root + "/services/vsftpd/vsftpd.conf")
	check(t, err)
	return strings.Join(values(string(conf), "pasv_m[a-z]+_port"), "-")
}
