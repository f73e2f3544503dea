-- What a pull remembers so that it can be trusted: windows of a large reading, the
-- fields that each object had, and when fields that don't move a record's stamp were
-- last read.
-- +goose Up
alter table staging.cursor
    add column full_at timestamptz, -- Salesforce's clock when the last reading of the whole object began; never if null
    add column doubted boolean not null default false; -- the last reading to the end received another number than was counted

-- What is left to read of a large reading, in windows of the stamp, [since, until).
-- Those that are done are gone. All windows of an object are of one reading; while
-- there are some, the object's cursor stands at the first since, or before everything.
create table staging.window (
    object     text        not null,
    since      timestamptz not null,
    until      timestamptz not null,
    fields     text        not null, -- as in staging.cursor: other fields make the windows worthless
    planned_at timestamptz not null, -- Salesforce's clock when the reading was planned
    whole      boolean     not null, -- the reading began before everything
    at         timestamptz,          -- read up to and including (at, id), where it is read in that order
    id         text        not null default '',
    received   bigint      not null default 0 check (received >= 0),
    primary key (object, since),
    check (since < until)
);

-- What the org said last about an object.
create table staging.description (
    object       text        primary key,
    description  json,                 -- null: the org has no such object, or hides it
    described_at timestamptz not null, -- our clock
    modified     text        not null default '' -- Last-Modified, as the org wrote it
);

-- +goose Down
drop table staging.description;
drop table staging.window;
alter table staging.cursor
    drop column doubted,
    drop column full_at;
