package statement

import (
	"regexp"
	"strings"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// isPayeeID is the form of a Partner ID (R1.1) and of an individual's payee id (R6.2).
var isPayeeID = regexp.MustCompile(`^([A-Z]{2}[0-9]{4}|R[0-9]{6})$`)

// ofPartner marks a partner whose key has the form of a payee id, so that it cannot be
// taken for an ID that stands for itself.
const ofPartner = "partner:"

// String names the holder, as its statements' keys begin.
func (h Holder) String() string {
	switch {
	case h.Partner == "":
		return h.ID
	case isPayeeID.MatchString(h.Partner), strings.HasPrefix(h.Partner, ofPartner):
		return ofPartner + h.Partner
	}
	return h.Partner
}

// holderOf reads what String wrote.
func holderOf(s string) Holder {
	if partner, marked := strings.CutPrefix(s, ofPartner); marked {
		return Holder{Partner: partner}
	}
	if isPayeeID.MatchString(s) {
		return Holder{ID: s}
	}
	return Holder{Partner: s}
}

// Key is the key of the statement of a holder: HOLDER/2026-10/USD.
func Key(h Holder, period clock.Month, c money.Currency) string {
	return h.String() + "/" + period.String() + "/" + string(c)
}

// ParseKey takes a statement's key apart, and says whether it is one. A partner's key
// may hold a slash.
func ParseKey(key string) (h Holder, period clock.Month, c money.Currency, ok bool) {
	rest, currency, found := cutLast(key)
	if !found {
		return h, period, c, false
	}
	holder, month, found := cutLast(rest)
	if !found || holder == "" {
		return h, period, c, false
	}
	period, err := clock.ParseMonth(month)
	return holderOf(holder), period, money.Currency(currency), err == nil && len(currency) == 3
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
