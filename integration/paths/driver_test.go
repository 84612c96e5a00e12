package paths

import (
	"os"
	"path/filepath"
	"testing"

	"sealpost/services/driver/drivertest"
	"sealpost/shared/durable/durabletest"
)

// TestCollectedIsWalkedFromWhatIsOpen collects into a directory that it makes,
// again, with a transfer that was cut, with numbers that are owed, given up and
// fetched once more, and compares with a sender's outbox.
func TestCollectedIsWalkedFromWhatIsOpen(t *testing.T) {
	v := drivertest.NewVolume(t)
	box := drivertest.NewOutbox(t, v)
	for _, text := range []string{"one", "two", "three", "four"} {
		box.Sent(v.Add(text+".txt", []byte(text)), text)
	}
	v.PutCheckpoint(4)
	files := make([]string, 4)
	for i := range files {
		files[i] = v.Entries[i].File
	}
	missing := [][]byte{v.Read(files[2]), v.Read(files[3])}
	v.Remove(files[2])
	v.Remove(files[3])
	out := filepath.Join(realDir(t), "made")
	b := &table{T: t, program: "driver", roots: []string{out, box.Dir}, env: append(os.Environ(),
		"DRIVER_FTP_ADDR="+drivertest.Serve(t, v.Dir, nil), "DRIVER_FTP_USER="+drivertest.User,
		"DRIVER_FTP_PASSWORD="+drivertest.Password,
		"DRIVER_FTP_TLS=off", "DRIVER_OUTPUT_DIR="+out, "DRIVER_OUTBOX="+box.Dir, "DRIVER_SERVER_IDENTITY="+v.Pins().String(),
		"DRIVER_TIMEOUT=0")}

	b.runKilled(func(c durabletest.PathCall) bool { return c.Path == files[1] })
	put(t, filepath.Join(out, "."+files[1]+".part"), "t") // a transfer was cut
	b.run(1)                                              // two are missing
	v.Write(files[2], missing[0])
	b.run(1) // one of them comes
	b.run(0, "-forget", "3")
	v.Write(files[3], missing[1])
	b.run(0)
	check(t, os.Remove(filepath.Join(out, files[0])))
	b.run(0, "-again", "0")
	if _, err := os.Stat(filepath.Join(out, files[0])); err != nil {
		t.Error(err)
	}
	b.check(openedByEach, looked)
}

// TestHandedOnIsWalkedFromWhatIsOpen: output directory and directory of messages, with
// a hook that fails, and files that lie in the way.
func TestHandedOnIsWalkedFromWhatIsOpen(t *testing.T) {
	v := drivertest.NewVolume(t)
	v.Add("a/b.txt", []byte("one"))
	v.Add("two", []byte("two"))
	v.PutCheckpoint(2)
	root := realDir(t)
	out, messages := filepath.Join(root, "made"), filepath.Join(root, "messages")
	check(t, os.Mkdir(messages, 0o755))
	put(t, filepath.Join(messages, ".0.part"), "o") // a driver was killed
	settings := append(os.Environ(),
		"DRIVER_FTP_ADDR="+drivertest.Serve(t, v.Dir, nil), "DRIVER_FTP_USER="+drivertest.User,
		"DRIVER_FTP_PASSWORD="+drivertest.Password, "DRIVER_FTP_TLS=off", "DRIVER_OUTPUT_DIR="+out,
		"DRIVER_SERVER_IDENTITY="+v.Pins().String(), "DRIVER_TIMEOUT=0")
	b := &table{T: t, program: "driver", roots: []string{out, messages},
		env: append(settings, "DRIVER_MESSAGES_DIR="+messages, "DRIVER_ON_FILE=true")}
	b.run(0)
	check(t, os.Remove(filepath.Join(out, "handed"))) // begins again, and finds the messages there
	b.run(0)
	b.env = append(settings, "DRIVER_ON_FILE=true")
	b.run(0, "-again", "1")
	b.check(openedByEach, looked)
}
