package integration

import (
	"encoding/json"
	"testing"
)

// TestDemoTakesNothingOfTheMachine: no port and no name of its own, so that it
// runs where another program has them, a second stack among them. The further
// file publishes the server, and nothing else.
func TestDemoTakesNothingOfTheMachine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		files []string
		flags []string
		ports map[string]int // published, by service
	}{
		{nil, nil, map[string]int{}},
		{[]string{"../compose.port.yaml"}, nil, map[string]int{"server": 1}},
		{nil, []string{"--profile", "monitoring"}, map[string]int{}},
	} {
		var config struct {
			Services map[string]struct {
				Ports []struct {
					HostIP string `json:"host_ip"`
					Target int
				}
				Name    string `json:"container_name"`
				Network string `json:"network_mode"`
			}
		}
		shown := newStack(t, test.files...).run(append(test.flags, "config", "--format", "json")...)
		if err := json.Unmarshal([]byte(shown), &config); err != nil {
			t.Fatal(err)
		}
		for name, service := range config.Services {
			if len(service.Ports) != test.ports[name] || service.Name != "" || service.Network == "host" {
				t.Errorf("%v: %s: %+v", test.files, name, service)
			}
			for _, port := range service.Ports {
				if port.HostIP != "127.0.0.1" || port.Target != 7513 {
					t.Errorf("%s publishes %+v", name, port)
				}
			}
		}
		if len(config.Services) != 5+len(test.flags)/2 {
			t.Errorf("%d services", len(config.Services))
		}
	}
}
