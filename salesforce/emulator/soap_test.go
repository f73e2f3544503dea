package emulator_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// soap sends a call of the partner API and gives the status and the body.
func (c *client) soap(call string, headers ...string) (int, string) {
	c.t.Helper()
	body := `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:partner.soap.sforce.com"><e:Header><SessionHeader><sessionId>` +
		c.token + `</sessionId></SessionHeader>` + strings.Join(headers, "") + `</e:Header><e:Body>` + call + `</e:Body></e:Envelope>`
	status, text, h := c.do("POST", "/services/Soap/u/62.0/"+c.org.OrgID, body, "Content-Type", "text/xml", "SOAPAction", `""`, "Authorization", "")
	if err := xml.Unmarshal([]byte(text), new(struct{})); err != nil || !strings.HasPrefix(h.Get("Content-Type"), "text/xml") {
		c.t.Fatalf("%s: not XML: %v in %s", call, err, text)
	}
	return status, text
}

func (c *client) soapOK(call, want string, headers ...string) string {
	c.t.Helper()
	status, text := c.soap(call, headers...)
	if status != 200 || !strings.Contains(text, want) {
		c.t.Fatalf("%s: %d %s, want %s", call, status, text, want)
	}
	return text
}

func TestSOAPWritesAndReads(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	text := c.soapOK(`<create><sObjects xsi:type="sf:sObject"><type>Account</type><Name>A &amp; B</Name></sObjects><sObjects><type>Contact</type></sObjects></create>`,
		"<statusCode>REQUIRED_FIELD_MISSING</statusCode></errors><id xsi:nil=\"true\"/><success>false</success>")
	id := between(text, "<id>", "</id>")
	c.soapOK(`<update><sObjects><type>Account</type><Id>`+id+`</Id><fieldsToNull>Website</fieldsToNull><Phone>1</Phone></sObjects></update>`, "<success>true</success>")
	c.soapOK(`<upsert><externalIDFieldName>Partner_ID__c</externalIDFieldName><sObjects><type>Partner__c</type><Partner_ID__c>FG3877</Partner_ID__c></sObjects></upsert>`, "<created>true</created>")
	c.soapOK(`<create><sObjects><type>Contact</type><LastName>L</LastName><AccountId>`+id+`</AccountId></sObjects></create>`, "<success>true</success>")
	page := c.soapOK(`<query><queryString>SELECT Name, Account.Name, CreatedDate FROM Contact</queryString></query>`, `<sf:Account xsi:type="sf:sObject"><sf:type>Account</sf:type>`)
	if !strings.Contains(page, "<sf:CreatedDate>2026-11-20T12:00:00.000Z</sf:CreatedDate>") || !strings.Contains(page, `<done>true</done><queryLocator xsi:nil="true"/>`) || !strings.Contains(page, "<size>1</size>") {
		t.Errorf("the page is %s", page)
	}
	c.soapOK(`<retrieve><fieldList>Name, Phone</fieldList><sObjectType>Account</sObjectType><ids>`+id+`</ids><ids>0015g0000zzzzzzAAA</ids></retrieve>`,
		`<sf:Name>A &amp; B</sf:Name><sf:Phone>1</sf:Phone></result><result xsi:nil="true"/>`)
	c.insert("Contact", row{"LastName": "M"})
	first := c.soapOK(`<query><queryString>SELECT Id FROM Contact</queryString></query>`, "<done>false</done>", "<QueryOptions><batchSize>1</batchSize></QueryOptions>")
	c.soapOK(`<queryMore><queryLocator>`+between(first, "<queryLocator>", "</queryLocator>")+`</queryLocator></queryMore>`, "<done>true</done>")
	c.soapOK(`<delete><ids>`+id+`</ids></delete>`, "<id>"+id+"</id><success>true</success>")
	c.soapOK(`<queryAll><queryString>SELECT IsDeleted FROM Account</queryString></queryAll>`, "<sf:IsDeleted>true</sf:IsDeleted>")
	c.soapOK(`<undelete><ids>`+id+`</ids><ids>`+id+`</ids></undelete>`, "<statusCode>UNDELETE_FAILED</statusCode>")
	if c.org.Count("Account") != 1 {
		t.Error("undelete brought nothing back")
	}
	c.soapOK(`<delete><ids>`+id+`</ids></delete>`, "<success>true</success>")
	c.soapOK(`<emptyRecycleBin><ids>`+id+`</ids></emptyRecycleBin>`, "<success>true</success>")
	if _, ok := c.org.Record("Account", id); ok {
		t.Error("a record is there after its recycle bin was emptied")
	}
	if r := c.org.Requests(); r.Upsert != 1 || r.Query != 3 || r.Page != 1 || r.Login != 1 {
		t.Errorf("counted %+v", r)
	}
}

func TestSOAPMergeMovesChildren(t *testing.T) {
	c := newClient(t, emulator.Options{})
	winner, loser := c.insert("Account", row{"Name": "winner"}), c.insert("Account", row{"Name": "loser"})
	contact := c.insert("Contact", row{"LastName": "L", "AccountId": loser})
	merge := func(master, lose string) string {
		return `<merge><request><masterRecord><type>Account</type><Id>` + master + `</Id><Phone>2</Phone></masterRecord><recordToMergeIds>` + lose + `</recordToMergeIds></request></merge>`
	}
	c.soapOK(merge(winner, winner), "<success>false</success>")
	c.soapOK(merge(winner, loser), "<id>"+winner+"</id><mergedRecordIds>"+loser+"</mergedRecordIds><success>true</success><updatedRelatedIds>"+contact+"</updatedRelatedIds>")
	l, _ := c.org.Record("Account", loser)
	w, _ := c.org.Record("Account", winner)
	if l["IsDeleted"] != true || l["MasterRecordId"] != winner || w["Phone"] != "2" {
		t.Errorf("the loser is %v, the winner %v", l, w)
	}
	if r, _ := c.org.Record("Contact", contact); r["AccountId"] != winner {
		t.Errorf("the contact is %v", r)
	}
	c.soapOK(merge(winner, loser), "<statusCode>ENTITY_IS_DELETED</statusCode>")
	if status, text := c.soap(strings.ReplaceAll(merge(winner, loser), "Account", "Nothing")); status != 500 || !strings.Contains(text, "INVALID_TYPE") {
		t.Errorf("merge of nothing: %d %s", status, text)
	}
}

func TestSOAPTellsOfItself(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.soapOK(`<getUserInfo/>`, "<userName>"+emulator.DemoUsername+"</userName>")
	c.soapOK(`<getServerTimestamp/>`, "<timestamp>2026-11-20T12:00:00.000Z</timestamp>")
	c.soapOK(`<describeGlobal/>`, "<name>Opportunity</name>")
	c.soapOK(`<describeSObject><sObjectType>account</sObjectType></describeSObject>`, "<name>AnnualRevenue</name>")
	c.soapOK(`<describeSObjects><sObjectType>Account</sObjectType><sObjectType>Lead</sObjectType></describeSObjects>`, "<name>Company</name>")
	id := c.insert("Account", row{"Name": "A"})
	c.soapOK(`<getUpdated><sObjectType>Account</sObjectType><startDate>2026-11-20T11:00:00.000Z</startDate><endDate>2026-11-20T12:30:00.000Z</endDate></getUpdated>`,
		"<ids>"+id+"</ids><latestDateCovered>2026-11-20T12:00:00.000Z</latestDateCovered>")
	c.soapOK(`<logout/>`, "<logoutResponse>")
	if status, text := c.soap(`<getUserInfo/>`); status != 500 || !strings.Contains(text, "<faultcode>sf:INVALID_SESSION_ID</faultcode>") {
		t.Errorf("after logout: %d %s", status, text)
	}
}

func TestSOAPFaults(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for call, want := range map[string]string{
		`<query><queryString>SELECT</queryString></query>`:                                                       "<faultcode>sf:MALFORMED_QUERY</faultcode>",
		`<query><queryString>SELECT Nope FROM Account</queryString></query>`:                                     `<sf:InvalidFieldFault xsi:type="sf:InvalidFieldFault"><sf:exceptionCode>INVALID_FIELD</sf:exceptionCode>`,
		`<queryMore><queryLocator>x</queryLocator></queryMore>`:                                                  "<faultcode>sf:INVALID_QUERY_LOCATOR</faultcode>",
		`<create><sObjects><type>Nothing</type></sObjects></create>`:                                             "<faultcode>sf:INVALID_TYPE</faultcode>",
		`<create><sObjects><type>Account</type><Nope>1</Nope></sObjects></create>`:                               "<faultcode>sf:INVALID_FIELD</faultcode>",
		`<create>` + strings.Repeat("<sObjects><type>Account</type></sObjects>", 201) + `</create>`:              "<faultcode>sf:EXCEEDED_ID_LIMIT</faultcode>",
		`<upsert><externalIDFieldName>Name</externalIDFieldName><sObjects><type>Lead</type></sObjects></upsert>`: "<faultcode>sf:INVALID_FIELD</faultcode>",
		`<describeSObject><sObjectType>Nothing</sObjectType></describeSObject>`:                                  "sf:INVALID_TYPE",
		`<retrieve><fieldList>Id</fieldList><sObjectType>Account</sObjectType><ids>x</ids></retrieve>`:           "sf:MALFORMED_ID",
		`<query>` + strings.Repeat("<a/>", 1_000_001) + `</query>`:                                               "more than 1000000 tags",
		`<brew/>`: "No operation available for request {urn:partner.soap.sforce.com}brew",
	} {
		if status, text := c.soap(call); status != 500 || !strings.Contains(text, want) {
			t.Errorf("%.200s: %d %s, want %s", call, status, text, want)
		}
	}
	all := "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>"
	c.soapOK(`<create><sObjects><type>Account</type><Name>A</Name></sObjects><sObjects><type>Account</type></sObjects></create>`, "ALL_OR_NONE_OPERATION_ROLLED_BACK", all)
	if c.org.Count("Account") != 0 {
		t.Error("all or none wrote a part")
	}
	r, err := http.Get(c.url + "/services/Soap/u/62.0")
	if err != nil || r.StatusCode != 500 {
		t.Errorf("GET: %v %v", r, err)
	}
}
