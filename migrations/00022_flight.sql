-- What is on its way to Salesforce at this moment: which keys, in which call or Bulk
-- job, and what is said of each. It is written down before it is sent, so that nobody
-- else sends the same key meanwhile, and so that whoever finds it after a crash can ask
-- Salesforce what became of it.
-- +goose Up
create table outbox.flight (
    id       bigint      generated always as identity primary key,
    object   text        not null,
    api      text        not null check (api in ('collections', 'bulk')),
    job_id   text        not null default '' check (job_id = '' or api = 'bulk'), -- none before the job is made
    begun_at timestamptz not null
);

-- A key is in one flight at a time. There is no foreign key to the flight: a job has a
-- hundred thousand keys, and both are written and deleted in the same transactions.
create table outbox.flown (
    object text   not null,
    key    text   collate "C" not null,
    flight bigint not null,
    wanted bigint not null, -- what was wanted when the record was made up
    hash   bytea  not null, -- of the record that is sent
    primary key (key, object)
);
create index flown_flight on outbox.flown (flight);

-- +goose Down
drop table outbox.flown;
drop table outbox.flight;
