-- What has to reach Salesforce. A row is a key, never a stored event: push reads
-- what the ledger says now, and sends it if Salesforce last confirmed another.
-- +goose Up
create schema outbox;

create table outbox.record (
    object         text        not null, -- partner, commission
    key            text        collate "C" not null, -- external id: Partner ID, line key
    parent         text        collate "C" not null default '', -- sorts siblings together
    wanted         bigint      not null default 1,  -- raised by each mark
    confirmed      bigint      not null default 0,  -- the wanted that Salesforce has
    confirmed_hash bytea,                           -- of the fields it last confirmed
    salesforce_id  text        not null default '',
    attempts       integer     not null default 0,  -- since the last success
    not_before     timestamptz,
    last_error     text        not null default '',
    quarantined_at timestamptz,
    marked_at      timestamptz not null,
    confirmed_at   timestamptz,
    primary key (object, key)
);
create index record_unsent on outbox.record (object, parent, key)
    where wanted > confirmed and quarantined_at is null;
-- What a count by state needs, so that it reads only the rows that are not settled.
create index record_open on outbox.record (object, not_before, quarantined_at)
    where wanted > confirmed;

-- To which fields an object's records were last written. When the mapping says
-- others, every record is compared again.
create table outbox.target (
    object    text primary key,
    signature text not null
);

-- +goose Down
drop schema outbox cascade;
