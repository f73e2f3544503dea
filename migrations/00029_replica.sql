-- Which replicas of `serve` live, and who has ended an alert by hand.
-- +goose Up

create table job.replica (
    name       text        primary key, -- as in job.run.worker
    version    text        not null,
    started_at timestamptz not null,
    seen_at    timestamptz not null,    -- when it was last heard of, by the database's clock
    check (seen_at >= started_at)
);

alter table job.alert add column closed_by text not null default '';

-- +goose Down
drop table job.replica;
alter table job.alert drop column closed_by;
