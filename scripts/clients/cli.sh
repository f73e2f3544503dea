# The steps of the Salesforce CLI against an org that holds a company. Read by run.sh.
# shellcheck shell=bash disable=SC2016,SC2154

export SF_ACCESS_TOKEN=$TOKEN
step 'sf org login access-token' 'j.status === 0 && j.result.username === process.env.USERNAME' \
	sf org login access-token --instance-url "$URL" --no-prompt --alias desk --set-default --json
unset SF_ACCESS_TOKEN
step 'sf org display' 'j.result.connectedStatus === "Connected" && Number(j.result.apiVersion) >= 60' sf org display --json
step 'sf org list limits' 'j.result.some((l) => l.name === "DailyApiRequests" && l.remaining < l.max)' sf org list limits --json
step 'sf org list' 'Object.values(j.result).flat().some((o) => o.alias === "desk" && o.connectedStatus === "Connected")' sf org list --json
step 'sf sobject list' 'j.result.includes("Account") && j.result.includes("Partner__c")' sf sobject list --json
step 'sf sobject list --sobject custom' 'j.result.includes("Partner__c") && !j.result.includes("Account")' sf sobject list --sobject custom --json
step 'sf sobject describe' 'j.result.fields.find((f) => f.name === "Partner_ID__c").externalId && j.result.keyPrefix.length === 3' sf sobject describe --sobject Partner__c --json
step 'sf sobject describe: no such object' 'code !== 0 && j.name === "NOT_FOUND"' sf sobject describe --sobject Nothing__c --json

step 'sf data query: a table' 'code === 0 && /NAME/.test(out) && /OWNER\.NAME/.test(out) && /Total number of records retrieved: 2\./.test(out)' \
	sf data query --query 'SELECT Name, Owner.Name FROM Account ORDER BY Name LIMIT 2'
step 'sf data query: JSON' 'j.result.totalSize === 2 && j.result.done && j.result.records[0].attributes.type === "Account"' \
	sf data query --query 'SELECT Id, Name FROM Account ORDER BY Name LIMIT 2' --json
step 'sf data query: CSV' 'out.trim().split("\n").length === 3 && out.startsWith("Id,Name,Owner.Name")' \
	sf data query --query 'SELECT Id, Name, Owner.Name FROM Account LIMIT 2' --result-format csv
step 'sf data query: more than a page' 'j.result.records.length === j.result.totalSize && j.result.totalSize > 2000 && new Set(j.result.records.map((r) => r.Id)).size === j.result.totalSize' \
	sf data query --query 'SELECT Id FROM Opportunity' --json
step 'sf data query: groups' 'code === 0 && /STAGENAME/.test(out) && /TOTAL/i.test(out) && /Closed Won/.test(out)' \
	sf data query --query 'SELECT StageName, COUNT(Id), SUM(Amount) total FROM Opportunity GROUP BY StageName'
step 'sf data query: a count' 'code === 0 && j.result.totalSize > 2000' sf data query --query 'SELECT COUNT() FROM Opportunity' --json
step 'sf data query: children' 'code === 0 && /OPPORTUNITIES\.STAGENAME/.test(out) && /Total number of records retrieved: 3\./.test(out)' \
	sf data query --query 'SELECT Name, (SELECT Name, StageName FROM Opportunities LIMIT 2) FROM Account LIMIT 3'
step 'sf data query: a mistake' 'code !== 0 && /INVALID_FIELD|No such column/.test(out)' sf data query --query 'SELECT Nothing__c FROM Account' --json
step 'sf data query: a tooling query is refused or answered' 'j.status === 0 || j.name === "INVALID_TYPE"' \
	sf data query --use-tooling-api --query 'SELECT Id, QualifiedApiName FROM EntityDefinition LIMIT 2' --json

step 'sf data create record' 'j.result.success && keep("account", j.result.id)' sf data create record --sobject Account --values "Name='Zeta Corp' NumberOfEmployees=12" --json
step 'sf data get record: by id' 'j.result.Name === "Zeta Corp" && j.result.NumberOfEmployees === 12' sf data get record --sobject Account --record-id "$(kept account)" --json
step 'sf data get record: by value' 'j.result.Id.length === 18' sf data get record --sobject Account --where "Name='Zeta Corp'" --json
step 'sf data update record' 'j.result.success' sf data update record --sobject Account --record-id "$(kept account)" --values "Name='Eta Corp'" --json
step 'sf data create record: a field is missing' 'code !== 0 && /REQUIRED_FIELD_MISSING|Required fields are missing/.test(out)' sf data create record --sobject Contact --values "FirstName='x'" --json
step 'sf data delete record' 'j.result.success' sf data delete record --sobject Account --where "Name='Eta Corp'" --json
step 'sf data get record: it is gone' 'code !== 0' sf data get record --sobject Account --record-id "$(kept account)" --json

{
	echo 'Partner_ID__c,Name,Kind__c'
	for i in $(seq 1 300); do printf 'ZZ%04d,"Partner, no. %d",Consulting\n' "$i" "$i"; done
} >"$work/partners.csv"
step 'sf data upsert bulk: new' 'j.result.jobInfo.state === "JobComplete" && j.result.jobInfo.numberRecordsProcessed === 300 && j.result.jobInfo.numberRecordsFailed === 0' \
	sf data upsert bulk --sobject Partner__c --external-id Partner_ID__c --file partners.csv --wait 2 --json
printf 'Partner_ID__c,Name\nZZ0001,Changed\nZZ0301,%0100d\n' 1 >"$work/more.csv"
step 'sf data upsert bulk: a row fails' 'code !== 0 && /FailedRecord|failed/i.test(out) && keep("job", (/750\w{15}/.exec(out) || [""])[0])' \
	sf data upsert bulk --sobject Partner__c --external-id Partner_ID__c --file more.csv --wait 2 --json
step 'sf data bulk results' 'j.result.successfulRecords === 1 && j.result.failedRecords === 1 && /STRING_TOO_LONG/.test(file(j.result.failedFilePath))' \
	sf data bulk results --job-id "$(kept job)" --json
printf 'Name,Industry\nBulk One,Energy\nBulk Two,Energy\n' >"$work/accounts.csv"
step 'sf data import bulk' 'j.result.processedRecords === 2 && j.result.successfulRecords === 2' sf data import bulk --sobject Account --file accounts.csv --wait 2 --json
step 'sf data export bulk: CSV' 'j.result.totalSize === 2 && file("bulk.csv").trim().split("\n").length === 3 && keep("ids", file("bulk.csv").trim().split("\n").slice(1).map((l) => l.split(",")[0].replaceAll("\"", "")).join(" "))' \
	sf data export bulk --query "SELECT Id, Name FROM Account WHERE Name LIKE 'Bulk %'" --output-file bulk.csv --wait 2 --json
step 'sf data export bulk: JSON of many' 'JSON.parse(file("all.json")).length === j.result.totalSize && j.result.totalSize > 2000' \
	sf data export bulk --query 'SELECT Id, Name, Amount FROM Opportunity' --output-file all.json --result-format json --wait 2 --json
{ echo 'Id,Industry'; for id in $(kept ids); do echo "$id,Media"; done; } >"$work/update.csv"
step 'sf data update bulk' 'j.result.successfulRecords === 2' sf data update bulk --sobject Account --file update.csv --wait 2 --json
{ echo Id; for id in $(kept ids); do echo "$id"; done; } >"$work/delete.csv"
step 'sf data delete bulk' 'j.result.jobInfo.state === "JobComplete" && j.result.jobInfo.numberRecordsProcessed === 2' sf data delete bulk --sobject Account --file delete.csv --wait 2 --json
step 'sf data query: what bulk left' 'j.result.totalSize === 300' sf data query --query "SELECT Id FROM Partner__c WHERE Partner_ID__c LIKE 'ZZ%'" --json

cat >"$work/tree.json" <<'JSON'
{"records": [
  {"attributes": {"type": "Account", "referenceId": "A1"}, "Name": "Tree One",
   "Contacts": {"records": [{"attributes": {"type": "Contact", "referenceId": "C1"}, "LastName": "Leaf"}]}},
  {"attributes": {"type": "Account", "referenceId": "A2"}, "Name": "Tree Two"}]}
JSON
step 'sf data import tree' 'j.result.length === 3 && j.result.every((r) => r.id.length === 18)' sf data import tree --files tree.json --json
step 'sf data export tree' 'code === 0 && JSON.parse(file("exported/Account-Contact.json")).records.length === 2' \
	sf data export tree --query "SELECT Id, Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'Tree %'" --output-dir exported --json
step 'sf data export tree: a plan' 'code === 0 && JSON.parse(file("planned/Account-Contact-plan.json")).length === 2' \
	sf data export tree --plan --query "SELECT Id, Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'Tree %'" --output-dir planned --json
step 'sf data import tree: a plan' 'j.result.length === 3' sf data import tree --plan planned/Account-Contact-plan.json --json

step 'sf api request rest: GET' 'j.DailyApiRequests.Max > 0' sf api request rest services/data/v62.0/limits
step 'sf api request rest: POST' 'j.success === true && j.id.length === 18' sf api request rest services/data/v62.0/sobjects/Account --method POST --body '{"Name": "By hand"}'
step 'sf api request rest: composite' 'j.compositeResponse.length === 2 && j.compositeResponse[1].body.Name === "In two steps"' \
	sf api request rest services/data/v62.0/composite --method POST --body '{"allOrNone": true, "compositeRequest": [
		{"method": "POST", "url": "/services/data/v62.0/sobjects/Account", "referenceId": "a", "body": {"Name": "In two steps"}},
		{"method": "GET", "url": "/services/data/v62.0/sobjects/Account/@{a.id}", "referenceId": "b"}]}'
