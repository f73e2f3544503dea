package query

import (
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

// soqlType is the type's name in the language's errors.
func soqlType(f *schema.Field) string {
	switch f.Type {
	case schema.TypeDateTime:
		return "dateTime"
	case schema.TypeReference, schema.TypeID:
		return "id"
	}
	return string(f.Type)
}

// mismatch is the error of a literal of another type than the field.
func (s resolver) mismatch(f *schema.Field, v soql.Value) *soql.Error {
	shown := v.Text
	advice := "and should not be enclosed in quotes"
	if v.Kind == soql.String {
		shown = "'" + v.Raw + "'"
	} else {
		advice = "and should be enclosed in quotes"
	}
	switch {
	case f.Type == schema.TypeDate, f.Type == schema.TypeDateTime, f.Type == schema.TypeBoolean, f.Type.IsNumber():
		advice = "and should not be enclosed in quotes"
	}
	return s.at(v.Pos, "INVALID_FIELD", "value of filter criterion for field '%s' must be of type %s %s: %s", f.Name, soqlType(f), advice, shown)
}

// key gives the form in which a literal is compared with a text field.
func (s resolver) key(f *schema.Field, v soql.Value) (string, *soql.Error) {
	switch {
	case v.Kind == soql.Null:
		return "", nil
	case f.Type == schema.TypeBoolean:
		if v.Kind == soql.Bool {
			return v.Text, nil
		}
	case v.Kind != soql.String:
	case f.Type == schema.TypeID || f.Type == schema.TypeReference:
		id, err := sfid.Parse(v.Text)
		if err != nil {
			return "", s.at(v.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: %s", v.Text)
		}
		return id, nil
	default:
		return f.KeyOfValue(v.Text), nil
	}
	return "", s.mismatch(f, v)
}

func (s resolver) number(f *schema.Field, v soql.Value) (decimal.Decimal, *soql.Error) {
	if v.Kind == soql.Number || v.Kind == soql.Currency && f.Type == schema.TypeCurrency {
		if d, ok := schema.ParseNumber(v.Text); ok {
			return d, nil
		}
	}
	return decimal.Decimal{}, s.mismatch(f, v)
}

// instants gives the seconds [from, to) that a literal means.
func (s resolver) instants(f *schema.Field, v soql.Value) (from, to int64, err *soql.Error) {
	switch v.Kind {
	case soql.DateTime:
		if t, ok := schema.ParseDateTime(v.Text); ok {
			u := t.Unix()
			if t.Nanosecond() > 0 {
				// Between two seconds: nothing kept equals it.
				return u + 1, u + 1, nil
			}
			return u, u + 1, nil
		}
	case soql.DateLiteral:
		first, after := v.Days(s.store.Now())
		return first.Unix(), after.Unix(), nil
	}
	return 0, 0, s.mismatch(f, v)
}
