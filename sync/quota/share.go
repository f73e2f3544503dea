package quota

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// Share is a part of the requests that an org allows in 24 hours: so many, or so many
// per cent of them. The zero value is none.
type Share struct {
	calls   int64
	percent float64
	stated  bool
}

// ParseShare reads "5000", "20%" or "20 %"; "" is no share. The error is errs.Invalid.
func ParseShare(s string) (Share, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Share{}, nil
	}
	if number, isPercent := strings.CutSuffix(s, "%"); isPercent {
		p, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(p) || p < 0 || p > 100 {
			return Share{}, errs.New(errs.Invalid, "%q is not from 0%% to 100%%", s)
		}
		return Share{percent: p, stated: true}, nil
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil || n < 0 {
		return Share{}, errs.New(errs.Invalid, "%q is neither a number of requests nor a part of the daily ones, such as 5000 or 20%%", s)
	}
	return Share{calls: n, stated: true}, nil
}

// IsStated says whether there is a share.
func (s Share) IsStated() bool { return s.stated }

// Of gives the share of so many allowed requests, never more than those.
func (s Share) Of(allowed int64) int64 {
	if s.percent > 0 {
		return int64(math.Ceil(float64(allowed) * s.percent / 100))
	}
	return min(s.calls, allowed)
}

// String writes the share as it is read.
func (s Share) String() string {
	switch {
	case !s.stated:
		return ""
	case s.percent > 0:
		return fmt.Sprintf("%s%%", strconv.FormatFloat(s.percent, 'f', -1, 64))
	}
	return strconv.FormatInt(s.calls, 10)
}
