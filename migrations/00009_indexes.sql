-- Every month that somebody earns is a line, an entry and an outbox row, so each
-- index on them is paid for with every one. These do with fewer what the ones before did.
-- +goose Up

-- An entry's place on its line is found by its source, as its source's entries are.
create unique index entry_of_source on ledger.entry (source_id, payee_id, line_key, nth);
alter table ledger.entry drop constraint entry_payee_id_line_key_nth_key;
drop index ledger.entry_source;

-- What is unsent, in the order in which it is sent; whether it waits is counted from
-- the index alone. What is quarantined is little, and has an index of its own.
create index record_waiting on outbox.record (object, parent, key) include (not_before)
    where wanted > confirmed and quarantined_at is null;
create index record_quarantined on outbox.record (object)
    where wanted > confirmed and quarantined_at is not null;
drop index outbox.record_unsent;
drop index outbox.record_open;
alter index outbox.record_waiting rename to record_unsent;

-- +goose Down
create index record_open on outbox.record (object, not_before, quarantined_at)
    where wanted > confirmed;
drop index outbox.record_quarantined;
drop index outbox.record_unsent;
create index record_unsent on outbox.record (object, parent, key)
    where wanted > confirmed and quarantined_at is null;
create index entry_source on ledger.entry (source_id);
alter table ledger.entry add constraint entry_payee_id_line_key_nth_key unique (payee_id, line_key, nth);
drop index ledger.entry_of_source;
