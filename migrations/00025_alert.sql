-- What somebody has to be told of, and the messages that tell it.
-- +goose Up

-- A condition that holds, or held. Of one kind and subject one is open at a time.
create table job.alert (
    id        bigint      generated always as identity primary key,
    kind      text        not null, -- failed, late, quarantine, drift, quota
    subject   text        not null, -- of what: a stage, an object, a field
    title     text        not null,
    said      text        not null, -- a sentence for a person
    hint      text        not null default '',
    mark      text        not null default '', -- what makes it another one when it changes
    figure    bigint      not null default 0,  -- what makes it worth telling again when it grows
    opened_at timestamptz not null,
    told_at   timestamptz not null,            -- when a message was made of it last
    closed_at timestamptz check (closed_at >= opened_at)
);
create unique index alert_open on job.alert (kind, subject) where closed_at is null;

-- A message to one channel. It is made in the transaction that changes the alert, and
-- marked as sent by whoever holds its lock while it is sent.
create table job.alert_message (
    id          bigint      generated always as identity primary key,
    alert_id    bigint      not null references job.alert (id) on delete cascade,
    channel     text        not null check (channel in ('webhook', 'mail')),
    event       text        not null check (event in ('opened', 'changed', 'reminder', 'recovered')),
    body        json        not null,
    made_at     timestamptz not null,
    not_before  timestamptz not null,
    attempts    integer     not null default 0,
    last_error  text        not null default '',
    sent_at     timestamptz,
    given_up_at timestamptz
);
create index alert_message_due on job.alert_message (id) where sent_at is null and given_up_at is null;
create index alert_message_of on job.alert_message (alert_id, channel, id);

-- +goose Down
drop table job.alert_message;
drop table job.alert;
