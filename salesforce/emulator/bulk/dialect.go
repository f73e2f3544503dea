package bulk

// Dialect is how a job's CSV is written: what parts the columns, and what ends
// a line.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
type Dialect struct {
	// Delimiter parts two columns.
	Delimiter byte
	// CRLF says that a line ends with carriage return and line feed, instead of
	// a line feed alone.
	CRLF bool
}

// delimiters are the values of columnDelimiter.
var delimiters = map[string]byte{
	"COMMA": ',', "TAB": '\t', "SEMICOLON": ';', "PIPE": '|', "CARET": '^', "BACKQUOTE": '`',
}

// ParseDialect reads a job's columnDelimiter and lineEnding; "" is the default,
// COMMA and LF. The error is an *Error that names the property.
func ParseDialect(columnDelimiter, lineEnding string) (Dialect, error) {
	d := Dialect{Delimiter: ','}
	if columnDelimiter != "" {
		c, ok := delimiters[columnDelimiter]
		if !ok {
			return d, invalidValue("columnDelimiter", columnDelimiter)
		}
		d.Delimiter = c
	}
	switch lineEnding {
	case "", "LF":
	case "CRLF":
		d.CRLF = true
	default:
		return d, invalidValue("lineEnding", lineEnding)
	}
	return d, nil
}

// ColumnDelimiter is the name of the delimiter in the job resource.
func (d Dialect) ColumnDelimiter() string {
	for name, c := range delimiters {
		if c == d.Delimiter {
			return name
		}
	}
	return "COMMA"
}

// LineEnding is the name of the line ending in the job resource.
func (d Dialect) LineEnding() string {
	if d.CRLF {
		return "CRLF"
	}
	return "LF"
}

// AppendEnd ends a line.
func (d Dialect) AppendEnd(b []byte) []byte {
	if d.CRLF {
		b = append(b, '\r')
	}
	return append(b, '\n')
}
