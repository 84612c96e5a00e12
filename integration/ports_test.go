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
		ports map[string]int // published, by service
	}{
		{nil, map[string]int{}},
		{[]string{"../compose.port.yaml"}, map[string]int{"server": 1}},
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
		if err := json.Unmarshal([]byte(newStack(t, test.files...).run("config", "--format", "json")), &config); err != nil {
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
		if len(config.Services) != 5 {
			t.Errorf("%d services", len(config.Services))
		}
	}
}
