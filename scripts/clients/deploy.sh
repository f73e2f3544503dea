# The steps of the Salesforce CLI against a bare org, to which it deploys the
# package. Read by run.sh.
# shellcheck shell=bash disable=SC2016,SC2154

cp -r "$root/salesforce/package" "$work/package"
for way in soap rest; do
	org "bare-$way" --bare || { tell "FAIL a bare org starts"; break; }
	bare=$(about "bare-$way" url)
	export SF_ACCESS_TOKEN BARE_URL=${bare/127.0.0.1/localhost}
	SF_ACCESS_TOKEN=$(token "bare-$way")
	sf org login access-token --instance-url "$BARE_URL" --no-prompt --alias "$way" --json >/dev/null 2>&1 || true
	unset SF_ACCESS_TOKEN
	export SF_ORG_METADATA_REST_DEPLOY=false
	[ "$way" = rest ] && export SF_ORG_METADATA_REST_DEPLOY=true

	step "sf sobject describe, before a deploy by $way" 'code !== 0 && j.name === "NOT_FOUND"' sf sobject describe --target-org "$way" --sobject Partner__c --json
	step "sf project deploy start --dry-run by $way" 'j.status === 0 && j.result.status === "Succeeded" && j.result.checkOnly' \
		sh -c "cd package && sf project deploy start --target-org $way --source-dir force-app --dry-run --wait 5 --json"
	step "sf project deploy start by $way" 'j.status === 0 && j.result.status === "Succeeded" && j.result.numberComponentErrors === 0 && j.result.numberComponentsDeployed > 20 && keep("deploy", j.result.id)' \
		sh -c "cd package && sf project deploy start --target-org $way --source-dir force-app --wait 5 --json"
	path=/services/Soap/m/
	[ "$way" = rest ] && path=/metadata/deployRequest
	step "the deploy went by $way" "j.requests.some((r) => r.method === 'POST' && r.path.includes('$path'))" \
		curl -sf "$bare/emulator/requests?n=200"
	step "sf project deploy report by $way" 'j.result.status === "Succeeded" && j.result.done' sh -c "cd package && sf project deploy report --target-org $way --job-id $(kept deploy) --json"
	step "sf sobject describe, after it" 'j.result.fields.some((f) => f.name === "Partner_ID__c" && f.externalId && f.unique)' sf sobject describe --target-org "$way" --sobject Partner__c --json
	step "sf data create record of a new object" 'j.result.success' sf data create record --target-org "$way" --sobject Partner__c --values "Name='P' Partner_ID__c='FG0001'" --json
done
unset SF_ORG_METADATA_REST_DEPLOY

mkdir -p "$work/broken/force-app/main/default/objects/Broken__c/fields"
cp "$root/salesforce/package/sfdx-project.json" "$work/broken/"
cat >"$work/broken/force-app/main/default/objects/Broken__c/Broken__c.object-meta.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <label>Broken</label>
    <pluralLabel>Broken</pluralLabel>
    <nameField><label>Name</label><type>Text</type></nameField>
    <deploymentStatus>Deployed</deploymentStatus>
    <sharingModel>ReadWrite</sharingModel>
</CustomObject>
XML
cat >"$work/broken/force-app/main/default/objects/Broken__c/fields/To__c.field-meta.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>To__c</fullName>
    <label>To</label>
    <type>Lookup</type>
    <referenceTo>Nowhere__c</referenceTo>
    <relationshipName>Broken</relationshipName>
</CustomField>
XML
step 'sf project deploy start: a lookup to nowhere' 'code !== 0 && /Failed/.test(out) && /Nowhere__c/.test(out)' \
	sh -c "cd broken && sf project deploy start --target-org soap --source-dir force-app --wait 5 --json"
step 'sf sobject describe: nothing of it stayed' 'code !== 0 && j.name === "NOT_FOUND"' sf sobject describe --target-org soap --sobject Broken__c --json

step 'sf org list metadata-types' 'j.result.metadataObjects.some((m) => m.xmlName === "CustomObject")' sf org list metadata-types --target-org soap --json
step 'sf org list metadata' 'j.result.some((m) => m.fullName === "Partner__c")' sf org list metadata --target-org soap --metadata-type CustomObject --json
mkdir -p "$work/fetched/force-app"
cp "$root/salesforce/package/sfdx-project.json" "$work/fetched/"
step 'sf project retrieve start' 'j.status === 0 && j.result.success && file("fetched/force-app/main/default/objects/Partner__c/fields/Partner_ID__c.field-meta.xml").includes("<externalId>true</externalId>")' \
	sh -c "cd fetched && sf project retrieve start --target-org soap --metadata CustomObject:Partner__c --wait 5 --json"

step 'sf project generate manifest --from-org' 'code === 0 && file("fetched/all.xml").includes("<members>Partner__c.Partner_ID__c</members>")' \
	sh -c "cd fetched && sf project generate manifest --from-org soap --name all"
step 'sf project retrieve start: all of the org' 'j.status === 0 && j.result.success' sh -c "cd fetched && sf project retrieve start --target-org soap --manifest all.xml --wait 5 --json"

# What was fetched from one org makes another the same.
org bare-again --bare
bare=$(about bare-again url)
export SF_ACCESS_TOKEN
SF_ACCESS_TOKEN=$(token bare-again)
sf org login access-token --instance-url "${bare/127.0.0.1/localhost}" --no-prompt --alias again --json >/dev/null 2>&1 || true
unset SF_ACCESS_TOKEN
step 'sf project deploy validate' 'j.status === 0 && j.result.checkOnly && keep("validated", j.result.id)' \
	sh -c "cd fetched && sf project deploy validate --target-org again --source-dir force-app --test-level RunLocalTests --wait 5 --json"
step 'sf project deploy quick' 'j.status === 0 && j.result.status === "Succeeded" && !j.result.checkOnly' \
	sh -c "cd fetched && sf project deploy quick --target-org again --job-id $(kept validated) --wait 5 --json"
for object in Partner__c Partner_Commission__c Opportunity; do
	step "sf sobject describe: $object as fetched" 'keep("first", JSON.stringify(j.result.fields))' sf sobject describe --target-org soap --sobject "$object" --json
	step "sf sobject describe: $object is the same in the other org" 'JSON.stringify(j.result.fields) === file("kept-first")' sf sobject describe --target-org again --sobject "$object" --json
done
step 'sf project delete source' 'j.status === 0 && j.result.status === "Succeeded"' \
	sh -c "cd fetched && sf project delete source --target-org again --metadata CustomField:Partner__c.Tier__c --no-prompt --wait 5 --json"
step 'sf sobject describe: the field is gone' '!j.result.fields.some((f) => f.name === "Tier__c")' sf sobject describe --target-org again --sobject Partner__c --json
step 'sf org logout' 'j.status === 0' sf org logout --target-org again --no-prompt --json
