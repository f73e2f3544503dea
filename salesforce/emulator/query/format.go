package query

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// formatter prints a value as FORMAT does for a user of the locale en_US in UTC.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_format.htm
type formatter struct {
	// currency is the record's own currency, where the org has several.
	currency *schema.Field
	store    *store.Store
}

func (s resolver) format(c *Column) *formatter {
	out := &formatter{store: s.store}
	own := s.table.Object
	if len(c.via) > 0 {
		own = c.via[len(c.via)-1].to[0].Object
	}
	if f, ok := own.Field("CurrencyIsoCode"); ok && s.groups == nil {
		out.currency = f
	}
	return out
}

func (x *formatter) append(b []byte, f *schema.Field, r *store.Record) []byte {
	v := x.text(f, r)
	if v == "" {
		return append(b, "null"...)
	}
	return AppendString(b, v)
}

// text gives a value as FORMAT prints it, "" for null.
func (x *formatter) text(f *schema.Field, r *store.Record) string {
	v := r.Get(f)
	switch {
	case v == "":
	case f.Type.IsNumber():
		d, err := decimal.NewFromString(v)
		if err != nil {
			break
		}
		return x.number(d, f, r)
	case f.Type == schema.TypeDate:
		if t, err := time.Parse(time.DateOnly, v); err == nil {
			return t.Format("1/2/2006")
		}
	case f.Type == schema.TypeDateTime:
		if t, ok := schema.ParseDateTime(v); ok {
			return t.Format("1/2/2006, 3:04 PM")
		}
	}
	return v
}

func (x *formatter) number(d decimal.Decimal, f *schema.Field, r *store.Record) string {
	const moneyPlaces = 2
	switch f.Type {
	case schema.TypeCurrency:
		text := grouped(d.Abs().StringFixed(moneyPlaces))
		sign := ""
		if d.IsNegative() {
			sign = "-"
		}
		if x.currency != nil {
			return r.Get(x.currency) + " " + sign + text
		}
		if code := x.orgCurrency(); code != "USD" {
			return code + " " + sign + text
		}
		return sign + "$" + text
	case schema.TypePercent:
		return grouped(d.StringFixed(int32(f.Scale))) + "%"
	case schema.TypeInt:
		return grouped(d.StringFixed(0))
	}
	return grouped(d.StringFixed(int32(f.Scale)))
}

func (x *formatter) orgCurrency() string {
	t := x.store.Tables["Organization"]
	if t == nil || t.ByID[x.store.OrgID] == nil {
		return "USD"
	}
	f, ok := t.Object.Field("DefaultCurrencyIsoCode")
	if !ok {
		return "USD"
	}
	return t.ByID[x.store.OrgID].Get(f)
}

// grouped puts commas between thousands.
func grouped(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if fraction != "" {
		return sign + b.String() + "." + fraction
	}
	return sign + b.String()
}
