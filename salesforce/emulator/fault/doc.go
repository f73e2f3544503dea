// Package fault says when and how an org misbehaves: a plan of rules, read from
// YAML or JSON, and the player that decides for each request which of them play.
//
// A rule names the requests that it is about (method, path, kind of resource,
// object, a time of the org), which of them it picks (every nth, the first n,
// those after n, those between two counts, some at random), how often at most,
// and one thing to do:
//
//	rules:
//	  - name: maintenance
//	    when: {kind: [query, page], every: 10}
//	    times: 3
//	    do:
//	      answer: {status: 503, form: html}
//	  - name: contention
//	    when: {kind: collection, object: Partner__c}
//	    do:
//	      rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.05}
//
// The decisions follow from the plan, the seed and the sequence of requests, and
// from nothing else: each rule has a random stream of its own, seeded by the seed
// and the rule's name, and draws from it once for each request that it is about.
// So a rule decides the same whichever other rules stand beside it.
//
// The package knows no org. What concerns the connection (status, delay, hang,
// cut, loss) it plays itself, around any http.Handler; what concerns records,
// cursors and jobs it hands out as a Decision, for the org to ask.
package fault
