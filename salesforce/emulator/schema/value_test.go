package schema_test

import (
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

func TestValuesOfEachType(t *testing.T) {
	multi := &schema.Field{Name: "M__c", Type: schema.TypeMultipicklist, Length: 4099, Values: []string{"Red", "Green", "Blue"}}
	strict := &schema.Field{Name: "S__c", Type: schema.TypeMultipicklist, Length: 4099, Values: []string{"Red"}, Restricted: true}
	clock := &schema.Field{Name: "T__c", Type: schema.TypeTime}
	for _, tt := range []struct {
		f        *schema.Field
		in, want string
		ok       bool
	}{
		{multi, "blue;Red", "Red;Blue", true}, {multi, "Red;red; ;Red", "Red", true}, {multi, "Black;Green", "Green;Black", true}, {multi, ";", "", true},
		{strict, "Red", "Red", true}, {strict, "Red;Black", "", false},
		{clock, "10:30", "10:30:00.000Z", true}, {clock, "10:30:15.123Z", "10:30:15.123Z", true}, {clock, "25:00", "", false}, {clock, "noon", "", false},
	} {
		got, err := tt.f.CanonText(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s %q: %q %v", tt.f.Type, tt.in, got, err)
		}
	}
}
