-- Ticks, runs and tokens. The tables of River, which carries the jobs, live in
-- the same schema and are migrated by River itself.
-- +goose Up
create schema job;

-- A cron tick is the instant at which a schedule said "now". Whichever replica
-- inserts it first starts the job; the others find it taken.
create table job.tick (
    stage text        not null,
    at    timestamptz not null,
    primary key (stage, at)
);

-- The run history.
create table job.run (
    id          bigint      generated always as identity primary key,
    stage       text        not null,
    actor       text        not null,
    started_at  timestamptz not null,
    finished_at timestamptz,
    status      text        check (status in ('ok', 'ok with problems', 'failed')), -- null while it runs
    report      json,
    error       text        not null default ''
);
create index run_latest on job.run (stage, started_at desc);

create table job.token (
    stage text   primary key,
    value bigint not null
);

-- +goose Down
drop schema job cascade;
