-- Records as Salesforce sent them, and how far each object has been read.
-- +goose Up
create schema staging;

-- One row for each version of a record that a pull saw. Reconcile reads versions
-- in the order of modstamp and deletes those that a later one has superseded.
create table staging.record (
    object        text        not null,
    id            text        not null check (length(id) = 18),
    modstamp      timestamptz not null, -- SystemModstamp; of history rows, CreatedDate
    is_deleted    boolean     not null default false,
    payload       json        not null, -- not jsonb, which refuses \u0000
    pulled_at     timestamptz not null,
    reconciled_at timestamptz,
    primary key (object, id, modstamp)
);
create index record_unreconciled on staging.record (object, modstamp, id) where reconciled_at is null;

-- Everything up to and including (at, id) is staged. A changed field list reads
-- the object again from the start.
create table staging.cursor (
    object     text        primary key,
    fields     text        not null,
    at         timestamptz,
    id         text        not null default '',
    updated_at timestamptz not null
);

-- +goose Down
drop schema staging cascade;
