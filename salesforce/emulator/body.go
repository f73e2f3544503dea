package emulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

var errBodyTooLarge = refuse(http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "The request body is too large")

// readBody reads a body, packed with gzip or not, of at most c.maxBody bytes.
func readBody(c *call) ([]byte, error) {
	var body io.Reader = http.MaxBytesReader(c.w, c.r.Body, c.maxBody)
	if strings.EqualFold(c.r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The body is not in GZIP format")
		}
		body = z
	}
	raw, err := io.ReadAll(io.LimitReader(body, c.maxBody+1))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong) || int64(len(raw)) > c.maxBody:
		return nil, errBodyTooLarge
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The body cannot be read")
	}
	return raw, nil
}

// readJSON reads a JSON body into what the resource takes. Members that it does
// not know are refused, as the platform does. The raw body is for locate.
func readJSON(c *call, into any) ([]byte, error) {
	raw, err := readBody(c)
	if err != nil {
		return nil, err
	}
	if t := c.r.Header.Get("Content-Type"); !strings.HasPrefix(strings.ToLower(strings.TrimSpace(t)), "application/json") {
		if t == "" {
			t = "none"
		}
		return nil, refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE",
			"Content-Type header specified in HTTP request is not supported: %s", t)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
	}
	return raw, decodeJSON(raw, into)
}

// decodeJSON reads one JSON value, numbers as they are written.
func decodeJSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return jsonError(raw, d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "Unexpected character after the end of the JSON value at %s", place(raw, d.InputOffset()))
	}
	return nil
}

// place writes where an offset of a body is, as the platform's parser does:
// lines and columns count from 1.
func place(raw []byte, offset int64) string {
	before := raw[:min(max(offset, 0), int64(len(raw)))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := 1 + len(before) - (1 + bytes.LastIndexByte(before, '\n'))
	return fmt.Sprintf("[line:%d, column:%d]", line, column)
}

// expected says what the platform's parser wanted where Go's says why it
// stopped.
var expected = []struct{ reason, wanted string }{
	{"after object key:value pair", "was expecting comma to separate OBJECT entries"},
	{"after object key", "was expecting a colon to separate field name and value"},
	{"after array element", "was expecting comma to separate ARRAY entries"},
	{"looking for beginning of object key string", "was expecting double-quote to start field name"},
	{"looking for beginning of value", "expected a valid value (number, String, array, object, 'true', 'false' or 'null')"},
}

// jsonError says in the platform's words why a body cannot be read.
func jsonError(raw []byte, at int64, err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	message := err.Error()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.As(err, &syntax) && strings.Contains(message, "unexpected end"):
		message = "Unexpected end-of-input: was expecting closing of a value at " + place(raw, int64(len(raw)))
	case errors.As(err, &syntax):
		offset := max(syntax.Offset-1, 0)
		r, _ := utf8.DecodeRune(raw[min(offset, int64(len(raw))):])
		wanted := "was expecting a valid token"
		for _, e := range expected {
			if strings.Contains(message, e.reason) {
				wanted = e.wanted
				break
			}
		}
		message = fmt.Sprintf("Unexpected character ('%c' (code %d)): %s at %s", r, r, wanted, place(raw, offset+1))
	case errors.As(err, &typ):
		message = fmt.Sprintf("Cannot deserialize instance of %s from %s value or request may be missing a required field at %s",
			wantedToken(typ), foundToken(typ), place(raw, typ.Offset))
	case strings.HasPrefix(message, "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(message, "json: unknown field "), `"`)
		message = fmt.Sprintf("Unexpected parameter encountered during deserialization: %s at %s", name, place(raw, at))
	}
	return refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "%s", message)
}

// wantedToken names what a body should have had in a place.
func wantedToken(e *json.UnmarshalTypeError) string {
	switch k := e.Type.Kind().String(); k {
	case "slice":
		return "array"
	case "map", "struct":
		return "object"
	case "bool":
		return "boolean"
	default:
		return k
	}
}

// foundToken names what it has there.
func foundToken(e *json.UnmarshalTypeError) string {
	what, number, _ := strings.Cut(e.Value, " ") // "number 1.5" where it is a number's form that is wrong
	switch {
	case what == "object" || what == "array":
		return "START_" + strings.ToUpper(what)
	case what == "number" && strings.ContainsAny(number, ".eE"):
		return "VALUE_NUMBER_FLOAT"
	case what == "number":
		return "VALUE_NUMBER_INT"
	case what == "bool":
		return "VALUE_BOOLEAN" // which of the two isn't known
	default:
		return "VALUE_" + strings.ToUpper(what)
	}
}

// locate finds where the value of a member begins, for an error about it. skip
// says how many members of the name come before.
func locate(raw []byte, name string, skip int) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	var inObject []bool // for each open value
	isKey := false      // whether the next token is one
	for {
		t, err := d.Token()
		if err != nil {
			return place(raw, 0)
		}
		if s, ok := t.(string); ok && isKey && strings.EqualFold(s, name) {
			if skip == 0 {
				after := raw[d.InputOffset():]
				value := bytes.TrimLeft(after, ": \t\r\n")
				return place(raw, int64(len(raw)-len(value)))
			}
			skip--
		}
		x, isDelim := t.(json.Delim)
		switch {
		case isDelim && (x == '{' || x == '['):
			inObject = append(inObject, x == '{')
		case isDelim:
			inObject = inObject[:len(inObject)-1]
		}
		in := len(inObject) > 0 && inObject[len(inObject)-1]
		isKey = in && (isDelim || !isKey)
	}
}
