-- What vanished from Salesforce without a trace: a recount finds it, what it earns is
-- held, and a person says what became of it (R9.1).
-- +goose Up

-- When a recount found that Salesforce has no such record any more, not even in its
-- recycle bin; null while it has. On the newest version of a record.
alter table staging.record add column vanished_at timestamptz;

create table ledger.vanished (
    record_id    text        primary key,
    object       text        not null,
    found_at     timestamptz not null,
    is_held      boolean     not null, -- until reconcile learns what became of it
    confirmed_at timestamptz,
    confirmed_by text        not null default '',
    reason       text        not null default '',
    returned_at  timestamptz, -- Salesforce has it again, or shows that it was deleted
    check ((confirmed_at is null) = (confirmed_by = '')),
    check (confirmed_at is null or reason <> ''),
    check (not is_held or returned_at is null)
);

-- +goose Down
drop table ledger.vanished;
alter table staging.record drop column vanished_at;
