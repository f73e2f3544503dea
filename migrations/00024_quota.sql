-- What is spent of Salesforce's daily requests, and what the org said of them last.
-- +goose Up

-- Requests by the stage that made them, their kind and the hour in which they were
-- made. The daily quota is of the last 24 hours, and so is a job's share of it.
create table job.spent (
    stage text        not null,
    kind  text        not null,
    hour  timestamptz not null,
    calls bigint      not null check (calls > 0),
    primary key (stage, hour, kind)
);

-- The one row says how the org's quota stood when it was last heard of.
create table job.quota (
    one         boolean     primary key default true check (one),
    used        bigint      not null check (used >= 0),
    allowed     bigint      not null check (allowed >= 0),
    app         text        not null default '', -- our app, where the org gives it a quota of its own
    app_used    bigint      not null default 0,
    app_allowed bigint     not null default 0,  -- 0: it has none
    heard_at    timestamptz not null
);

-- +goose Down
drop table job.quota;
drop table job.spent;
