package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
)

// deployRequest is a deploy as the REST resource shows it.
type deployRequest struct {
	ID        string         `json:"id"`
	Validated *string        `json:"validatedDeployRequestId"`
	URL       string         `json:"url"`
	Options   *deployOptions `json:"deployOptions,omitempty"`
	Result    deployResult   `json:"deployResult"`
}

func (o *Org) showDeploy(c *call, status int, j metadataJob, details bool) {
	writeJSON(c.w, status, deployRequest{ID: j.id, URL: "https://" + c.r.Host + c.base() + "metadata/deployRequest/" + j.id,
		Options: &j.options, Result: j.result(details)})
}

// postDeploy answers a POST of metadata/deployRequest: a zip and its options in two
// parts, or the id of a validation to deploy.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
func (o *Org) postDeploy(c *call) error {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return o.postQuickDeploy(c)
	}
	j := &metadataJob{isDeploy: true, userID: c.session.userID}
	// The platform's defaults, where the options say nothing.
	j.options = deployOptions{RollbackOnError: true}
	form := multipart.NewReader(http.MaxBytesReader(c.w, c.r.Body, metadata.MaxZip+maxBody), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = j.readPart(part)
		}
		var refusal *apiError
		if errors.As(err, &refusal) {
			return refusal
		}
		if err != nil {
			return refuse(http.StatusBadRequest, "INVALID_MULTIPART_REQUEST", "The multipart body cannot be read: %v", err)
		}
	}
	if len(j.zip) == 0 {
		return refuse(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "The deploy request has no zip file")
	}
	return o.postJob(c, j)
}

// readPart takes one part in: the zip by its name or type, the options by theirs.
func (j *metadataJob) readPart(part *multipart.Part) error {
	data, err := io.ReadAll(io.LimitReader(part, metadata.MaxZip+1))
	if err != nil {
		return err
	}
	if part.FormName() == "file" || strings.HasPrefix(part.Header.Get("Content-Type"), "application/zip") {
		j.zip = data
		return nil
	}
	body := struct {
		Options json.RawMessage `json:"deployOptions"`
	}{}
	if err := json.Unmarshal(data, &body); err != nil {
		return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The deploy options cannot be read: %v", err)
	}
	if body.Options == nil {
		return nil
	}
	if err := json.Unmarshal(body.Options, &j.options); err != nil {
		return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The deploy options cannot be read: %v", err)
	}
	var bad *soapFault
	if errors.As(j.options.check(), &bad) {
		return refuse(http.StatusBadRequest, bad.code, "%s", bad.message)
	}
	return nil
}

func (o *Org) postJob(c *call, j *metadataJob) error {
	if err := o.addJob(j); err != nil {
		return refuse(http.StatusForbidden, "LIMIT_EXCEEDED", "%s", strings.TrimPrefix(err.Error(), "LIMIT_EXCEEDED: "))
	}
	o.customization.mu.Lock()
	shown := *j
	o.customization.mu.Unlock()
	o.showDeploy(c, http.StatusCreated, shown, false)
	return nil
}

// postQuickDeploy deploys what was validated.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy_recentvalidation.htm
func (o *Org) postQuickDeploy(c *call) error {
	var body struct {
		ID string `json:"validatedDeployRequestId"`
	}
	if _, err := readJSON(c, &body); err != nil {
		return err
	}
	j, err := o.quickDeploy(body.ID, c.session.userID)
	if err != nil {
		return refuse(http.StatusBadRequest, "INVALID_ID_FIELD", "%s", strings.TrimPrefix(err.Error(), "INVALID_ID_FIELD: "))
	}
	o.customization.mu.Lock()
	shown := *j
	o.customization.mu.Unlock()
	o.showDeploy(c, http.StatusCreated, shown, false)
	return nil
}

var errNoDeploy = refuse(http.StatusNotFound, "NOT_FOUND", "The deploy request does not exist")

// getDeploy tells how a deploy is coming on.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy_checkstatus.htm
func (o *Org) getDeploy(c *call) error {
	j, ok := o.look(c.arg("id"), true)
	if !ok {
		return errNoDeploy
	}
	o.showDeploy(c, http.StatusOK, j, c.r.URL.Query().Get("includeDetails") == "true")
	return nil
}

// patchDeploy cancels a deploy.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy_cancel.htm
func (o *Org) patchDeploy(c *call) error {
	var body struct {
		Result struct {
			Status jobStatus `json:"status"`
		} `json:"deployResult"`
	}
	if _, err := readJSON(c, &body); err != nil {
		return err
	}
	if body.Result.Status != jobCanceling {
		return refuse(http.StatusBadRequest, "INVALID_OPERATION", "A deploy can only be changed to Canceling")
	}
	j, ok := o.cancel(c.arg("id"), c.session.userID)
	if !ok {
		return errNoDeploy
	}
	o.showDeploy(c, http.StatusAccepted, j, false)
	return nil
}
