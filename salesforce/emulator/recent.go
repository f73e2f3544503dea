package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// maxRecent is how many records a user's list of recent ones has.
const maxRecent = 200

// recentRecord is a record that a user had to do with.
type recentRecord struct{ user, object, id string }

// recents are the records that users made lately, the latest first. (The
// platform puts there what a user looked at in the browser, which nobody does
// here, and what the user made.)
type recents struct {
	mu   sync.Mutex
	list []recentRecord
}

func (rs *recents) add(user, object, id string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.list = append(rs.list, recentRecord{user, object, id})
	if len(rs.list) > 2*maxRecent {
		rs.list = slices.Clone(rs.list[len(rs.list)-maxRecent:])
	}
}

// of gives a user's latest records of an object ("" for any).
func (rs *recents) of(user, object string) []recentRecord {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var out []recentRecord
	for _, r := range slices.Backward(rs.list) {
		if r.user == user && (object == "" || r.object == object) && len(out) < maxRecent {
			out = append(out, r)
		}
	}
	return out
}

// recentItems prints a user's latest records, at most limit.
func (o *Org) recentItems(c *call, object string, limit int) []map[string]any {
	out := []map[string]any{}
	o.RLock()
	defer o.RUnlock()
	for _, item := range o.recent.of(c.session.userID, object) {
		t := o.Tables[item.object]
		if t == nil || len(out) == limit {
			continue
		}
		r, e := live(t, item.id)
		if e != nil {
			continue
		}
		out = append(out, map[string]any{
			"attributes": map[string]string{"type": item.object, "url": c.base() + "sobjects/" + item.object + "/" + item.id},
			"Id":         item.id, "Name": nullable(r.Text(t.Object, nameField(t.Object))),
		})
	}
	return out
}

// nameField is the field by which people know a record of the object.
func nameField(o *schema.Object) string {
	for _, f := range o.Fields {
		if f.NameField {
			return f.Name
		}
	}
	return "Name"
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// recentlyViewed answers /recent.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_recent_items.htm
func (o *Org) recentlyViewed(c *call) error {
	limit := maxRecent
	if text := c.r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxRecent {
			return refuse(http.StatusBadRequest, "INVALID_QUERY_FILTER_OPERATOR", "limit must be between 0 and %d: %s", maxRecent, text)
		}
		limit = n
	}
	writeJSON(c.w, http.StatusOK, o.recentItems(c, "", limit))
	return nil
}
