package run

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"

	"sealpost/services/driver/collector"
	"sealpost/shared/bounded"
	"sealpost/shared/settings"
)

// maxCA bounds a CA file, in bytes; a whole system's has some 200 KB.
const maxCA = 4 << 20

func (d *driver) collectorConfig() (collector.Config, error) {
	cfg := collector.Config{
		Addr: string(d.addr), FTPDir: d.FTPDir, User: d.FTPUser, Password: d.FTPPassword.Reveal(),
		Dir: d.OutputDir, Connections: d.FTPConnections, Timeout: d.FTPTimeout,
		Wait: d.Timeout, MaxFile: uint64(d.MaxFileBytes),
		Line: d.audit.Line, Each: d.each, Progress: new(collector.Progress), Log: d.log,
	}
	if d.checkpoints != nil {
		cfg.Opened = func(out *collector.Output) { d.checkpoints.out = out }
		cfg.Checkpoint, cfg.Retired, cfg.Done = d.take, d.retired.take, d.keep
	}
	if d.several() { // the next address is tried instead
		cfg.Wait, cfg.Connects = 0, 1
	}
	if d.FTPTLS == "off" {
		return cfg, nil
	}
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cmp.Or(d.FTPServerName, host(d.addr))}
	if d.FTPCAFile == "" {
		return cfg, nil
	}
	pem, err := bounded.ReadFile(d.FTPCAFile, maxCA)
	if err != nil {
		return cfg, badCA(d.FTPCAFile, "cannot be read: "+err.Error())
	}
	if mark := settings.ByteOrderMark(string(pem)); mark != "" {
		return cfg, badCA(d.FTPCAFile, mark)
	}
	cfg.TLS.RootCAs = x509.NewCertPool()
	if !cfg.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return cfg, badCA(d.FTPCAFile, "must hold certificates in PEM form")
	}
	return cfg, nil
}

// keep keeps what the server signed, once all of it was found true.
func (d *driver) keep() error {
	if err := d.checkpoints.keep(); err != nil {
		return err
	}
	return d.retired.keep()
}

func badCA(path, rule string) error {
	return &settings.Error{Problems: []settings.Problem{{Name: "DRIVER_FTP_CA_FILE", Value: path, Rule: rule}}}
}
