package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// flows names the client's flow of each value of salesforce.flow.
var flows = map[string]salesforce.Flow{
	config.FlowClientCredentials: salesforce.FlowClientCredentials,
	config.FlowJWT:               salesforce.FlowJWTBearer,
	config.FlowRefreshToken:      salesforce.FlowRefreshToken,
	config.FlowPassword:          salesforce.FlowPassword,
}

// newClient makes the client of the org that the settings name. It opens no
// connection.
func newClient(cfg config.Config, c clock.Clock, log *zap.Logger) (*salesforce.Client, error) {
	return newClientThrough(nil, cfg, c, log)
}

// newClientThrough makes a client whose requests go through a transport; nil is one of
// its own.
func newClientThrough(transport http.RoundTripper, cfg config.Config, c clock.Clock, log *zap.Logger) (*salesforce.Client, error) {
	if err := cfg.NeedSalesforce(); err != nil {
		return nil, err
	}
	s := cfg.Salesforce
	sc := salesforce.Config{
		Flow: flows[s.Flow], LoginURL: s.LoginURL, APIVersion: s.APIVersion,
		ClientID: s.ClientID, ClientSecret: s.ClientSecret.Reveal(),
		Username: s.Username, Password: s.Password.Reveal(), SecurityToken: s.SecurityToken.Reveal(),
		PrivateKeyPEM: s.PrivateKey().Reveal(), Audience: s.Audience,
		RefreshToken:   s.RefreshToken.Reveal(),
		RequestTimeout: s.Timeout, MaxConcurrent: cfg.Limits.ConcurrentRequests, PlainHTTP: s.PlainHTTP,
		Clock: c, Log: log, Transport: transport,
	}
	if s.RefreshTokenFile != "" {
		sc.StoreRefreshToken = func(_ context.Context, token string) error { return storeToken(s.RefreshTokenFile, token) }
	}
	client, err := salesforce.New(sc)
	if err != nil && errs.HintOf(err) == "" {
		return nil, errs.New(errs.Invalid, "%w", err).WithHint("correct the section salesforce of the settings; docs/configuration.md describes it")
	}
	return client, err
}

// storeToken replaces the refresh token in its file: whole or not at all, since
// the old one no longer works.
func storeToken(file, token string) (err error) {
	defer errs.Wrap(&err, "store the refresh token that Salesforce gave in place of the last one")
	tmp, err := os.CreateTemp(filepath.Dir(file), ".refresh-token-*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(tmp, token)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return os.Rename(tmp.Name(), file)
}

// loadMapping reads the mapping that the settings name.
func loadMapping(c config.Mapping) (_ *mapping.Mapping, err error) {
	if c.File == "" {
		return mapping.Default(), nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, errs.New(errs.Invalid, "read the mapping: %w", err).WithHint("mapping.file names it; leave it out for the built-in mapping")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return mapping.Load(f, c.File)
}
