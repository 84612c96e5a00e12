package examples

import (
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"sealpost/shared/admin"
)

// checkSet: what the set and its containers name is there.
func (c *cluster) checkSet(t *testing.T, set *apps.StatefulSet) {
	if !has(set.Spec.Template.Labels, set.Spec.Selector.MatchLabels) {
		t.Error("the set does not select its own pods")
	}
	if name := set.Spec.ServiceName; name != "" && c.services[name] == nil {
		t.Errorf("there is no service %s", name)
	}
	volumes := c.volumes(t, set)
	for _, container := range set.Spec.Template.Spec.Containers {
		mounted := make(map[string]map[string]bool)
		for _, mount := range container.VolumeMounts {
			files, known := volumes[mount.Name]
			if !known {
				t.Errorf("%s mounts the volume %s, which is not there", container.Name, mount.Name)
			}
			mounted[mount.MountPath] = files
			if container.Name == "vsftpd" && mount.Name == "logs" && !mount.ReadOnly {
				t.Error("vsftpd may write log files")
			}
		}
		checkShutIn(t, container)
		checkProbes(t, set, container)
		if programs[container.Name] != nil {
			c.checkEnvironment(t, set, container, mounted)
		}
	}
}

// volumes returns the volumes of a set's pods, those of Secrets with their files.
func (c *cluster) volumes(t *testing.T, set *apps.StatefulSet) map[string]map[string]bool {
	t.Helper()
	volumes := make(map[string]map[string]bool)
	for _, claim := range set.Spec.VolumeClaimTemplates {
		volumes[claim.Name] = nil
	}
	for _, volume := range set.Spec.Template.Spec.Volumes {
		volumes[volume.Name] = nil
		if volume.Secret == nil {
			continue
		}
		files := make(map[string]bool)
		for _, item := range volume.Secret.Items {
			c.needKey(t, volume.Secret.SecretName, item.Key)
			files[item.Path] = true
		}
		if secret := c.secrets[volume.Secret.SecretName]; secret == nil {
			t.Errorf("there is no secret %s", volume.Secret.SecretName)
		} else if len(files) == 0 {
			for key := range secret.StringData {
				files[key] = true
			}
		}
		volumes[volume.Name] = files
	}
	return volumes
}

func (c *cluster) needKey(t *testing.T, name, key string) {
	t.Helper()
	secret := c.secrets[name]
	if secret == nil {
		t.Errorf("there is no secret %s", name)
	} else if value, there := secret.StringData[key]; !there || value != "" {
		t.Errorf("the secret %s has no key %s, or a value that everyone knows", name, key)
	}
}

// checkEnvironment: the program takes the settings; Secrets, and files of settings
// that end in _FILE, are there; time is left for draining.
func (c *cluster) checkEnvironment(t *testing.T, set *apps.StatefulSet, container core.Container,
	mounted map[string]map[string]bool) {
	t.Helper()
	env := make(map[string]string)
	for _, variable := range container.Env {
		if from := variable.ValueFrom; from != nil {
			c.needKey(t, from.SecretKeyRef.Name, from.SecretKeyRef.Key)
			expectSettings(t, container.Name, map[string]string{variable.Name + "_FILE": ""})
			continue
		}
		env[variable.Name] = variable.Value
		if dir, file := path.Split(variable.Value); strings.HasSuffix(variable.Name, "_FILE") &&
			!mounted[path.Clean(dir)][file] {
			t.Errorf("%s names %s, which is not there", variable.Name, variable.Value)
		}
	}
	expectSettings(t, container.Name, env)
	if address, given := env["DRIVER_FTP_ADDR"]; given {
		name, _, _ := strings.Cut(address, ":")
		if c.services[name] == nil {
			t.Errorf("there is no service for %s", address)
		}
	}
	if text, given := env["SERVER_DRAIN_TIMEOUT"]; given {
		drain, err := time.ParseDuration(text)
		check(t, err)
		if grace := *set.Spec.Template.Spec.TerminationGracePeriodSeconds; float64(grace) <= drain.Seconds() {
			t.Errorf("SIGKILL comes after %d s, and the server may drain for %v", grace, drain)
		}
	}
}

// checkShutIn: no container writes into its own files, or gains what it does not have.
func checkShutIn(t *testing.T, container core.Container) {
	t.Helper()
	s := container.SecurityContext
	if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 ||
		s.Capabilities.Drop[0] != "ALL" {
		t.Errorf("%s is not shut in", container.Name)
	}
}

// checkProbes: the ports of probes are the pod's, their paths are served, and their
// commands are the programs'.
func checkProbes(t *testing.T, set *apps.StatefulSet, container core.Container) {
	t.Helper()
	served := admin.New(func() error { return nil }, func(error) string { return "" }, prometheus.NewRegistry())
	for _, probe := range []*core.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
		switch {
		case probe == nil:
		case probe.HTTPGet != nil:
			answer := httptest.NewRecorder()
			served.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, probe.HTTPGet.Path, nil))
			if answer.Code != http.StatusOK || portOf(set, probe.HTTPGet.Port.String()) == 0 {
				t.Errorf("%s: %s on port %s: %d", container.Name, probe.HTTPGet.Path, probe.HTTPGet.Port.String(), answer.Code)
			}
		case probe.Exec != nil:
			if want := []string{"/" + container.Name, "healthcheck"}; !slices.Equal(probe.Exec.Command, want) {
				t.Errorf("%s is probed by %q", container.Name, probe.Exec.Command)
			}
		case probe.TCPSocket == nil || portOf(set, probe.TCPSocket.Port.String()) == 0:
			t.Errorf("%s has a probe of no port of the pod", container.Name)
		}
	}
}
