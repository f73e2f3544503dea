// The steps of jsforce against an org that holds a company. Started by run.sh, which
// says in the environment where the org is. Prints a line for each step.
import assert from 'node:assert/strict'
import jsforce from 'jsforce'

const { URL: url, USERNAME: username, PASSWORD: password, TOKEN: token } = process.env

async function step(name, work) {
  try {
    await work()
    console.log(`ok   jsforce ${name}`)
  } catch (e) {
    console.log(`FAIL jsforce ${name}: ${String(e.errorCode || e.name)} ${e.message}`.replace(/\s+/g, ' ').slice(0, 500))
  }
}

const refused = (work, code) => assert.rejects(work, (e) => e.errorCode === code || e.name === code)
const conn = new jsforce.Connection({ instanceUrl: url, accessToken: token, version: '62.0' })
let partners = []

await step('login: user name and password by SOAP', async () => {
  const soap = new jsforce.Connection({ loginUrl: url, version: '62.0' })
  const user = await soap.login(username, password)
  assert.equal(user.organizationId.length, 18)
  assert.equal((await soap.query('SELECT Id FROM Organization')).records[0].Id, user.organizationId)
  await soap.logout()
  await assert.rejects(() => soap.query('SELECT Id FROM Organization'))
})
await step('login: a wrong password', async () => {
  const soap = new jsforce.Connection({ loginUrl: url, version: '62.0' })
  await assert.rejects(() => soap.login(username, 'wrong'), /INVALID_LOGIN/)
})
await step('login: OAuth by user name and password', async () => {
  const oauth = new jsforce.Connection({ oauth2: { loginUrl: url, clientId: 'partnersync-demo', clientSecret: 'demo-secret' } })
  const user = await oauth.login(username, password)
  assert.equal(user.id.length, 18)
})
await step('identity', async () => {
  const id = await conn.identity()
  assert.equal(id.username, username)
  assert.equal(id.organization_id.length, 18)
})
await step('describeGlobal', async () => {
  assert.ok((await conn.describeGlobal()).sobjects.some((o) => o.name === 'Partner__c' && o.custom))
})
await step('describe', async () => {
  const d = await conn.sobject('Opportunity').describe()
  assert.deepEqual(d.fields.find((f) => f.name === 'AccountId').referenceTo, ['Account'])
  assert.ok(d.fields.find((f) => f.name === 'StageName').picklistValues.some((v) => v.value === 'Closed Won' && v.active))
})
await step('describe: no such object', () => refused(() => conn.describe('Nothing__c'), 'NOT_FOUND'))
await step('query: fetches all pages', async () => {
  const count = (await conn.query('SELECT COUNT() FROM Opportunity')).totalSize
  const all = await conn.query('SELECT Id FROM Opportunity', { autoFetch: true, maxFetch: 10000 })
  assert.ok(count > 2000)
  assert.equal(all.records.length, count)
})
await step('queryMore', async () => {
  const first = await conn.query('SELECT Id FROM Opportunity')
  assert.equal(first.done, false)
  const next = await conn.queryMore(first.nextRecordsUrl)
  assert.equal(first.records.length + next.records.length, first.totalSize)
  assert.ok(!first.records.some((r) => r.Id === next.records[0].Id))
})
await step('find, sort, include', async () => {
  const found = await conn.sobject('Account').find({ Name: { $like: '%' }, CreatedDate: { $lt: jsforce.SfDate.toDateTimeLiteral(new Date()) } }, ['Id', 'Name'])
    .sort({ Name: -1 }).limit(3).include('Opportunities').select('Id, Name').limit(2).end()
  assert.equal(found.length, 3)
})
await step('query: aggregates', async () => {
  const r = await conn.query('SELECT StageName, COUNT(Id) n, MAX(Amount) most FROM Opportunity GROUP BY StageName ORDER BY COUNT(Id) DESC')
  assert.ok(r.records[0].n >= r.records.at(-1).n && r.records[0].attributes.type === 'AggregateResult')
})
await step('query: a mistake', () => refused(() => conn.query('SELECT Nothing__c FROM Account'), 'INVALID_FIELD'))
await step('create: one and many', async () => {
  const one = await conn.sobject('Account').create({ Name: 'One' })
  assert.ok(one.success && one.id.startsWith('001'))
  const many = await conn.sobject('Partner__c').create(Array.from({ length: 250 }, (_, i) => ({ Name: `J ${i}`, Partner_ID__c: `JS${i}` })), { allowRecursive: true })
  assert.ok(many.length === 250 && many.every((r) => r.success))
  partners = many.map((r) => r.id)
})
await step('retrieve: one and many', async () => {
  const [a, b] = await conn.sobject('Partner__c').retrieve([partners[1], partners[0]])
  assert.deepEqual([a.Name, b.Name], ['J 1', 'J 0'])
  assert.equal((await conn.sobject('Partner__c').retrieve(partners[2])).Partner_ID__c, 'JS2')
})
await step('update: one and many', async () => {
  assert.ok((await conn.sobject('Partner__c').update({ Id: partners[0], Tier__c: 'Gold' })).success)
  const many = await conn.sobject('Partner__c').update(partners.map((Id) => ({ Id, Tier__c: 'Silver' })), { allowRecursive: true })
  assert.ok(many.length === 250 && many.every((r) => r.success))
  assert.equal((await conn.query("SELECT COUNT() FROM Partner__c WHERE Tier__c = 'Silver'")).totalSize, 250)
})
await step('upsert: one and many', async () => {
  const one = await conn.sobject('Partner__c').upsert({ Partner_ID__c: 'JS0', Name: 'Again' }, 'Partner_ID__c')
  assert.ok(one.success)
  const many = await conn.sobject('Partner__c').upsert([{ Partner_ID__c: 'JS1', Name: 'Again' }, { Partner_ID__c: 'JS900', Name: 'New' }, { Partner_ID__c: 'JS901', Name: 'x'.repeat(81) }], 'Partner_ID__c')
  assert.deepEqual(many.map((r) => r.success), [true, true, false])
  assert.equal(many[2].errors[0].statusCode, 'STRING_TOO_LONG')
})
await step('create: a field is missing', () => refused(() => conn.sobject('Contact').create({ FirstName: 'x' }), 'REQUIRED_FIELD_MISSING'))
await step('destroy: one and many', async () => {
  assert.ok((await conn.sobject('Partner__c').destroy(partners[0])).success)
  const many = await conn.sobject('Partner__c').destroy(partners.slice(1, 201))
  assert.ok(many.length === 200 && many.every((r) => r.success))
  await refused(() => conn.sobject('Partner__c').destroy(partners[0]), 'ENTITY_IS_DELETED')
})
await step('deleted and updated', async () => {
  const from = new Date(Date.now() - 3600e3), to = new Date(Date.now() + 120e3)
  assert.ok((await conn.sobject('Partner__c').deleted(from, to)).deletedRecords.length >= 201)
  assert.ok((await conn.sobject('Partner__c').updated(from, to)).ids.includes(partners[249]))
})
await step('composite', async () => {
  const v = '/services/data/v62.0'
  const r = await conn.requestPost(`${v}/composite`, { allOrNone: true, compositeRequest: [
    { method: 'POST', url: `${v}/sobjects/Account`, referenceId: 'a', body: { Name: 'Composite' } },
    { method: 'POST', url: `${v}/sobjects/Contact`, referenceId: 'c', body: { LastName: 'Composite', AccountId: '@{a.id}' } },
    { method: 'GET', url: `${v}/sobjects/Contact/@{c.id}?fields=AccountId`, referenceId: 'g' }] })
  assert.equal(r.compositeResponse[2].body.AccountId, r.compositeResponse[0].body.id)
})
await step('bulk2: load', async () => {
  const rows = Array.from({ length: 1200 }, (_, i) => ({ Partner_ID__c: `BK${i}`, Name: i === 5 ? 'x'.repeat(81) : `B "${i}", Grün` }))
  const r = await conn.bulk2.loadAndWaitForResults({ object: 'Partner__c', operation: 'upsert', externalIdFieldName: 'Partner_ID__c', input: rows, pollInterval: 100, pollTimeout: 30000 })
  assert.deepEqual([r.successfulResults.length, r.failedResults.length, r.unprocessedRecords.length], [1199, 1, 0])
  assert.match(r.failedResults[0].sf__Error, /^STRING_TOO_LONG/)
  assert.equal(r.successfulResults[0].sf__Created, 'true')
})
await step('bulk2: query', async () => {
  const stream = await conn.bulk2.query("SELECT Id, Name FROM Partner__c WHERE Partner_ID__c LIKE 'BK%'", { pollInterval: 100, pollTimeout: 30000 })
  const rows = await stream.toArray()
  assert.equal(rows.length, 1199)
  assert.match(rows[0].Name, /^B "\d+", Grün$/)
})
await step('limits and the usage in each answer', async () => {
  assert.ok((await conn.limits()).DailyApiRequests.Max > 0)
  assert.ok(conn.limitInfo.apiUsage.used > 0 && conn.limitInfo.apiUsage.limit > 0)
})
await step('a session that ended is opened again', async () => {
  let logins = 0
  const tired = new jsforce.Connection({ instanceUrl: url, accessToken: '00D000000000000!gone', version: '62.0', refreshFn: (c, done) => { logins++; done(null, token) } })
  assert.equal((await tired.query('SELECT Id FROM Organization')).totalSize, 1)
  assert.equal(logins, 1)
})
await step('metadata: list and read', async () => {
  const list = await conn.metadata.list({ type: 'CustomObject' }, '62.0')
  assert.ok(list.some((m) => m.fullName === 'Partner__c'))
  const read = await conn.metadata.read('CustomObject', ['Partner__c'])
  const one = Array.isArray(read) ? read[0] : read
  assert.equal(one.fullName, 'Partner__c')
})
await step('metadata: create, describe, change and delete an object', async () => {
  const object = { fullName: 'Trial__c', label: 'Trial', pluralLabel: 'Trials', nameField: { type: 'Text', label: 'Name' }, deploymentStatus: 'Deployed', sharingModel: 'ReadWrite' }
  const field = { fullName: 'Trial__c.Key__c', label: 'Key', type: 'Text', length: 20, externalId: true, unique: true, caseSensitive: true }
  const one = (r) => (Array.isArray(r) ? r[0] : r)
  const made = one(await conn.metadata.create('CustomObject', object))
  assert.ok(made.success, JSON.stringify(made))
  assert.ok(one(await conn.metadata.create('CustomField', field)).success)
  assert.equal(one(await conn.metadata.create('CustomField', field)).success, false)
  assert.equal((await conn.describe('Trial__c')).fields.find((f) => f.name === 'Key__c').length, 20)
  assert.ok((await conn.sobject('Trial__c').upsert({ Key__c: 'a', Name: 'x' }, 'Key__c')).success)
  assert.ok(one(await conn.metadata.update('CustomField', { ...field, length: 40 })).success)
  assert.equal((await conn.describe('Trial__c')).fields.find((f) => f.name === 'Key__c').length, 40)
  assert.ok(one(await conn.metadata.delete('CustomObject', 'Trial__c')).success)
  await refused(() => conn.describe('Trial__c'), 'NOT_FOUND')
})
await step('metadata: describe', async () => {
  assert.ok((await conn.metadata.describe('62.0')).metadataObjects.some((m) => m.xmlName === 'CustomObject'))
})
await step('tooling: query', async () => {
  const r = await conn.tooling.query("SELECT QualifiedApiName FROM EntityDefinition WHERE QualifiedApiName = 'Partner__c'")
  assert.equal(r.records[0].QualifiedApiName, 'Partner__c')
})
await step('soap: who and when', async () => {
  assert.equal((await conn.soap.getUserInfo()).userName, username)
  assert.ok(Math.abs(new Date((await conn.soap.getServerTimestamp()).timestamp) - Date.now()) < 120e3)
})
await step('soap: create, update, delete and undelete', async () => {
  const [made, bad] = await conn.soap.create([{ type: 'Account', Name: 'Soap & Co' }, { type: 'Account', Phone: '1' }])
  assert.ok(made.success && !bad.success)
  assert.ok((await conn.soap.update({ type: 'Account', Id: made.id, Phone: '2' })).success)
  assert.equal((await conn.sobject('Account').retrieve(made.id)).Phone, '2')
  const [gone] = [await conn.soap.delete([made.id])].flat()
  assert.ok(gone.success)
  await refused(() => conn.sobject('Account').retrieve(made.id), 'NOT_FOUND')
  const [back] = [await conn.soap.undelete([made.id])].flat()
  assert.ok(back.success)
  assert.equal((await conn.sobject('Account').retrieve(made.id)).Name, 'Soap & Co')
})
await step('soap: merge', async () => {
  const [a, b] = await conn.sobject('Account').create([{ Name: 'Winner' }, { Name: 'Loser' }])
  const contact = await conn.sobject('Contact').create({ LastName: 'Moves', AccountId: b.id })
  const [r] = [await conn.soap.merge([{ masterRecord: { type: 'Account', Id: a.id, Phone: '7' }, recordToMergeIds: [b.id] }])].flat()
  assert.ok(r.success && [r.mergedRecordIds].flat().includes(b.id))
  assert.equal((await conn.sobject('Contact').retrieve(contact.id)).AccountId, a.id)
  const loser = (await conn.query(`SELECT MasterRecordId, IsDeleted FROM Account WHERE Id = '${b.id}'`, { scanAll: true })).records[0]
  assert.deepEqual([loser.MasterRecordId, loser.IsDeleted], [a.id, true])
})
await step('recent, batch and explain', async () => {
  assert.ok((await conn.recent()).length > 0)
  const r = await conn.requestPost('/services/data/v62.0/composite/batch', { batchRequests: [{ method: 'GET', url: 'v62.0/limits' }, { method: 'GET', url: 'v62.0/sobjects/Nothing__c' }] })
  assert.deepEqual([r.hasErrors, r.results[0].statusCode, r.results[1].statusCode], [true, 200, 404])
  assert.ok((await conn.query('SELECT Id FROM Account').explain()).plans.length > 0)
})
await step('many requests at once', async () => {
  const made = await Promise.all(Array.from({ length: 40 }, (_, i) => conn.sobject('Partner__c').upsert({ Partner_ID__c: `PAR${i % 10}`, Name: `P ${i}` }, 'Partner_ID__c')))
  assert.ok(made.every((r) => r.success))
  assert.equal((await conn.query("SELECT COUNT() FROM Partner__c WHERE Partner_ID__c LIKE 'PAR%'")).totalSize, 10)
})
