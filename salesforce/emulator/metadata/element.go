package metadata

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Namespace is that of every metadata file.
const Namespace = "http://soap.sforce.com/2006/04/metadata"

// The limits on one metadata file.
const (
	maxDepth    = 32
	maxElements = 200_000
	maxText     = 1 << 20 // bytes of one element's text
)

// Element is an element of a metadata file. It is never changed once it is read,
// so catalogs share it.
type Element struct {
	Name     string
	Text     string // without the white space around it; "" where there are children
	Children []*Element
	// Type is the xsi:type, without a prefix.
	Type string
	// Line and Column are where the element begins, from 1; 0 where it was not read
	// from a file.
	Line, Column int
}

// ParseError is a file that is not the XML that it should be.
type ParseError struct {
	Line, Column int
	Problem      string
}

// Error gives the problem as the platform words it.
func (e *ParseError) Error() string { return "Error parsing file: " + e.Problem }

// Parse reads a metadata file, and gives its root. The error is a *ParseError.
func Parse(data []byte) (*Element, error) { return parse(data, maxText) }

// ParseMessage reads a SOAP message as Parse does. One of its texts may be a zip in
// base64.
func ParseMessage(data []byte) (*Element, error) { return parse(data, MaxZip/3*4+4096) }

func parse(data []byte, maxText int) (*Element, error) {
	p := parser{d: xml.NewDecoder(bytes.NewReader(data)), maxText: maxText}
	p.d.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("only UTF-8 is read")
	}
	root, err := p.document()
	if err != nil {
		var perr *ParseError
		if !errors.As(err, &perr) {
			perr = p.fail("%s", strings.TrimPrefix(err.Error(), "XML syntax error on "))
		}
		return nil, perr
	}
	return root, nil
}

type parser struct {
	d       *xml.Decoder
	count   int
	maxText int
}

func (p *parser) fail(format string, args ...any) *ParseError {
	line, column := p.d.InputPos()
	return &ParseError{Line: line, Column: column, Problem: fmt.Sprintf(format, args...)}
}

func (p *parser) document() (*Element, error) {
	var root *Element
	for {
		line, column := p.d.InputPos()
		token, err := p.d.Token()
		switch t := token.(type) {
		case nil:
			if errors.Is(err, io.EOF) && root != nil {
				return root, nil
			}
			if errors.Is(err, io.EOF) {
				return nil, p.fail("Premature end of file.")
			}
			return nil, err
		case xml.Directive:
			return nil, p.fail("DOCTYPE is not allowed.")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, p.fail("Content is not allowed in prolog.")
			}
		case xml.StartElement:
			if root != nil {
				return nil, p.fail("The markup in the document following the root element must be well-formed.")
			}
			if root, err = p.element(t, line, column, 1); err != nil {
				return nil, err
			}
		}
	}
}

// element reads an element up to its end.
func (p *parser) element(start xml.StartElement, line, column, depth int) (*Element, error) {
	if p.count++; p.count > maxElements || depth > maxDepth {
		return nil, p.fail("The file has too many elements, or they are nested too deeply.")
	}
	e := &Element{Name: start.Name.Local, Line: line, Column: column}
	for _, a := range start.Attr {
		if a.Name.Local == "type" && a.Name.Space != "" {
			_, local, prefixed := strings.Cut(a.Value, ":")
			if e.Type = a.Value; prefixed {
				e.Type = local
			}
		}
	}
	var text []byte
	for {
		line, column := p.d.InputPos()
		token, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.EndElement:
			if len(e.Children) == 0 {
				e.Text = string(bytes.TrimSpace(text))
			}
			return e, nil
		case xml.CharData:
			if text = append(text, t...); len(text) > p.maxText {
				return nil, p.fail("The text of %s is too long.", e.Name)
			}
		case xml.Directive:
			return nil, p.fail("DOCTYPE is not allowed.")
		case xml.StartElement:
			child, err := p.element(t, line, column, depth+1)
			if err != nil {
				return nil, err
			}
			e.Children = append(e.Children, child)
		}
	}
}

// NewElement makes an element with text.
func NewElement(name, text string) *Element { return &Element{Name: name, Text: text} }

// Child gives the first child of a name, or nil.
func (e *Element) Child(name string) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// All gives the children of a name.
func (e *Element) All(name string) []*Element {
	var out []*Element
	if e != nil {
		for _, c := range e.Children {
			if c.Name == name {
				out = append(out, c)
			}
		}
	}
	return out
}

// Value gives the text of the first child of a name, "" if there is none.
func (e *Element) Value(name string) string {
	if c := e.Child(name); c != nil {
		return c.Text
	}
	return ""
}

// Equal says whether two elements say the same, in whatever order.
func (e *Element) Equal(other *Element) bool {
	if e == nil || other == nil {
		return e == other
	}
	a, b := e.plain(), other.plain()
	return a.same(b)
}

func (e *Element) same(o *Element) bool {
	return e.Name == o.Name && e.Text == o.Text && slices.EqualFunc(e.Children, o.Children, (*Element).same)
}

// plain copies an element with its children sorted by name, and the name of the
// component before them, as the platform writes files.
func (e *Element) plain() *Element {
	out := &Element{Name: e.Name, Text: e.Text, Type: e.Type}
	for _, c := range e.Children {
		out.Children = append(out.Children, c.plain())
	}
	slices.SortStableFunc(out.Children, func(a, b *Element) int {
		if first := cmp.Compare(rank(a.Name), rank(b.Name)); first != 0 {
			return first
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return out
}

func rank(name string) int {
	if name == "fullName" {
		return 0
	}
	return 1
}

// File writes an element as a metadata file: sorted, indented by four spaces.
func (e *Element) File() []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	e.plain().write(&b, 0, ` xmlns="`+Namespace+`"`, "\n")
	return b.Bytes()
}

// XML writes an element's children, or its text, on one line: as SOAP carries
// them.
func (e *Element) XML() string {
	var b bytes.Buffer
	if len(e.Children) == 0 {
		b.WriteString(Escape(e.Text))
	}
	for _, c := range e.plain().Children {
		c.write(&b, 0, "", "")
	}
	return b.String()
}

func (e *Element) write(b *bytes.Buffer, depth int, attributes, newline string) {
	indent := ""
	if newline != "" {
		indent = strings.Repeat("    ", depth)
	}
	b.WriteString(indent + "<" + e.Name + attributes + ">")
	if len(e.Children) == 0 {
		b.WriteString(Escape(e.Text))
	} else {
		b.WriteString(newline)
		for _, c := range e.Children {
			c.write(b, depth+1, "", newline)
		}
		b.WriteString(indent)
	}
	b.WriteString("</" + e.Name + ">" + newline)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

// Escape writes text as XML has it, with the entities that the platform uses. What
// XML cannot hold becomes U+FFFD.
func Escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, s)
	return escaper.Replace(s)
}
