-- Parts of a pass, which all replicas take up: who has which, and what came of it.
-- +goose Up

-- The process that led the run, as in job.part.
alter table job.run add column worker text not null default '';

create table job.part (
    run     bigint      not null references job.run (id) on delete cascade,
    number  integer     not null check (number > 0),
    stage   text        not null,
    token   bigint      not null, -- the stage's, when the run took it
    what    text        not null, -- for people
    args    json        not null,
    state   text        not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed', 'dropped')),
    -- How often it was taken. Whoever has it checks in each transaction that this is
    -- still the number under which it was.
    attempt integer     not null default 0 check (attempt >= 0),
    worker  text        not null default '', -- who has it, or had it last
    not_before timestamptz not null default now(), -- it is not taken earlier, by the database's clock
    seen_at timestamptz, -- when that was last heard of, by the database's clock
    done    bigint      not null default 0,  -- rows so far, for those who watch
    report  json,
    result  json,
    error   text        not null default '',
    kind    text        not null default '', -- of the error
    hint    text        not null default '',
    primary key (run, number),
    check (state <> 'running' or attempt > 0 and worker <> '' and seen_at is not null),
    check (state <> 'done' or report is not null),
    check ((state = 'failed') = (error <> ''))
);

-- +goose Down
drop table job.part;
alter table job.run drop column worker;
