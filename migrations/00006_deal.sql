-- Registrations of opportunities (rulebook 5), what happened to them, and the
-- engagements recorded under them.
-- +goose Up
create sequence ledger.registration_number;
create table ledger.registration (
    id               text        primary key, -- Salesforce id, or REG-000001 of one that was made here
    origin           text        not null check (origin in ('salesforce', 'portal')), -- who owns it, and decides on it
    registration_key text        not null default '', -- what people call it
    partner_id       text        not null default '', -- as received (R1.1)
    customer_name    text        not null default '',
    stated_domain    text        not null default '', -- as received
    email_domain     text        not null default '', -- its registrable domain; '' if none, or a public mail domain (R1.4)
    account_id       text        not null default '',
    first_account_id text        not null default '', -- named when first seen (R7.7)
    customer_id      text        not null default '', -- derived: the Account by which it is found, as of an opportunity
    opportunity_id   text        not null default '',
    space_id         text        not null default '',
    involvement      text        not null default '', -- as received
    status           text        not null default '', -- as received; conflict, won, lost and expired are worked out
    submitted_at     timestamptz,
    decided_at       timestamptz,
    decision_reason  text        not null default '',
    share            numeric,                         -- of its share group: 0.5 is a half (R5.8)
    share_group      text        not null default '', -- of those that were made here: the group's name
    project          text        not null default '',
    key_people       text        not null default '',
    use_case         text        not null default '',
    business_outcome text        not null default '',
    timeframe        text        not null default '',
    priority         text        not null default '',
    speculative      boolean     not null default false,
    is_unreadable    boolean     not null default false, -- its latest version could not be read
    is_deleted       boolean     not null default false,
    modstamp         timestamptz not null,
    check (origin = 'salesforce' or id ~ '^REG-[0-9]{6,}$'),
    check (origin = 'salesforce' or share_group = '' or share is not null)
);
create index registration_customer on ledger.registration (customer_id) where customer_id <> '';
create index registration_account on ledger.registration (account_id) where account_id <> '';
create index registration_first_account on ledger.registration (first_account_id) where first_account_id <> '';
create index registration_domain on ledger.registration (email_domain) where email_domain <> '';
create index registration_opportunity on ledger.registration (opportunity_id) where opportunity_id <> '';
create index registration_share_group on ledger.registration (share_group) where share_group <> '';

-- What happened to registrations: every change of state has an actor and a time
-- (R5.2). Nothing of it is ever changed.
create table ledger.registration_event (
    registration_id text        not null references ledger.registration (id),
    nth             integer     not null check (nth > 0), -- in the order in which the ledger learned of them
    state           text        not null check (state in
        ('draft', 'submitted', 'conflict', 'approved', 'rejected', 'withdrawn', 'won', 'lost', 'expired', 'revoked')),
    actor           text        not null check (actor <> ''),
    at              timestamptz not null, -- when it took effect
    reason          text        not null default '',
    learned_at      timestamptz not null,
    primary key (registration_id, nth)
);
-- +goose StatementBegin
create function ledger.refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception 'a journal is append only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using hint = 'Add what happened since (R5.2).';
end
$$;
-- +goose StatementEnd
create trigger registration_event_append_only before update or delete or truncate on ledger.registration_event
    for each statement execute function ledger.refuse_rewriting();

-- Evidence that a partner took part (R5.7).
create sequence ledger.engagement_number;
create table ledger.engagement (
    id              text        primary key, -- Salesforce id, or ENG-000001 of one that was made here
    registration_id text        not null,
    engaged_on      date        not null,
    kind            text        not null default '',
    notes           text        not null default '',
    recorded_by     text        not null check (recorded_by in ('staff', 'partner', 'salesforce')),
    actor           text        not null default '',
    confirmed_by    text        not null default '', -- who confirmed what a partner logged
    confirmed_at    timestamptz,
    is_deleted      boolean     not null default false,
    modstamp        timestamptz not null,
    check ((confirmed_by = '') = (confirmed_at is null))
);
create index engagement_registration on ledger.engagement (registration_id);

-- +goose Down
drop table ledger.engagement;
drop sequence ledger.engagement_number;
drop table ledger.registration_event;
drop function ledger.refuse_rewriting();
drop table ledger.registration;
drop sequence ledger.registration_number;
