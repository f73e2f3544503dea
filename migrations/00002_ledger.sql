-- The Partner ID ledger: facts, what is derived from them, and the book.
-- +goose Up
create schema ledger;

-- Partners and the IDs issued to them (R1.1). An ID is issued once, for good.
create table ledger.partner (
    key               text        primary key,
    name              text        not null check (name <> ''),
    kind              text        not null check (kind in ('registered', 'consulting')),
    tier              text        not null default '',
    joined_on         date        not null,
    status            text        not null check (status in ('active', 'suspended', 'exited')),
    domains           text[]      not null default '{}',
    applied_by        text        not null,
    applied_at        timestamptz not null
);
create table ledger.partner_id (
    id          text    primary key check (id ~ '^[A-Z]{2}[0-9]{4}$'),
    partner_key text    not null references ledger.partner (key),
    is_primary  boolean not null
);
create unique index partner_id_primary on ledger.partner_id (partner_key) where is_primary;

-- Partner IDs whose partner was applied and is still to be marked for push.
create table ledger.changed_partner (
    id text primary key
);

-- Customers are Salesforce Accounts (R1.4).
create table ledger.customer (
    account_id        text        primary key,
    name              text        not null,
    domain            text        not null default '', -- registrable domain of the website
    master_account_id text        not null default '', -- survivor of a merge (R9.2)
    merged_at         timestamptz,                      -- the instant of the merge
    is_deleted        boolean     not null,
    modstamp          timestamptz not null,
    check ((master_account_id = '') = (merged_at is null))
);
create index customer_master on ledger.customer (master_account_id) where master_account_id <> '';

-- The Account that survives of an account and its merges (R9.2). A circle, which
-- Salesforce cannot make, would end at the account itself.
-- +goose StatementBegin
create function ledger.survivor(account text) returns text language sql stable as $$
    with recursive merged (id, depth) as (
        select account, 0
        union all
        select c.master_account_id, m.depth + 1 from merged m join ledger.customer c on c.account_id = m.id
        where c.master_account_id <> '' and m.depth < 50)
    select id from merged order by depth desc limit 1
$$;
-- +goose StatementEnd

-- All Accounts that are one customer with any of those given, by merges; they
-- themselves included.
-- +goose StatementBegin
create function ledger.kin(accounts text[]) returns setof text language sql stable as $$
    with recursive up (id) as (
        select unnest(accounts)
        union
        select c.master_account_id from up join ledger.customer c on c.account_id = up.id
        where c.master_account_id <> ''),
    down (id) as (
        select id from up where id <> ''
        union
        select c.account_id from down join ledger.customer c on c.master_account_id = down.id)
    select id from down
$$;
-- +goose StatementEnd

-- Rows that ask a person to look. A hold also stops the money.
create table ledger.discrepancy (
    kind        text        not null,
    subject     text        not null, -- a Salesforce id, an e-mail key, a Partner ID
    object      text        not null, -- what the subject is: Space__c, Opportunity, profile
    rule        text        not null, -- R2.2
    is_hold     boolean     not null,
    detail      text        not null, -- a sentence for a person
    opened_at   timestamptz not null,
    seen_at     timestamptz not null,
    resolved_at timestamptz,
    primary key (subject, kind)
);
create index discrepancy_open on ledger.discrepancy (kind, subject) where resolved_at is null;

-- Facts of attribution (rulebook 2), as the records state them.
create table ledger.space (
    id                text        primary key,
    space_key         text        not null default '',
    name              text        not null default '',
    account_id        text        not null default '',
    first_account_id  text        not null default '', -- named when first seen (R7.7)
    customer_id       text        not null default '', -- derived: the Account by which revenue finds it (R3.3)
    created_via       text        not null default '',
    creator_email     text        not null default '', -- e-mail key that it states (R1.2)
    creator_key       text        not null default '', -- derived: that, or its install's Lead (R2.3)
    created_at        timestamptz not null,
    quickstart_org_id text        not null default '',
    is_deleted        boolean     not null,
    modstamp          timestamptz not null
);
create index space_creator on ledger.space (creator_key) where creator_key <> '';
create index space_account on ledger.space (account_id) where account_id <> '';
create index space_first_account on ledger.space (first_account_id) where first_account_id <> '';
create index space_customer on ledger.space (customer_id) where customer_id <> '';
create index space_quickstart_org on ledger.space (quickstart_org_id) where quickstart_org_id <> '';

create table ledger.profile_record (
    id            text        primary key,
    email         text        not null, -- as received
    profile       text        not null, -- the e-mail key under which it was first seen (R2.10)
    email_key     text        not null, -- the e-mail key that it has now
    registered_at timestamptz not null,
    is_deleted    boolean     not null,
    modstamp      timestamptz not null
);
create index profile_record_profile on ledger.profile_record (profile);

-- Every address that a record ever had: an edited e-mail becomes an alias (R2.10).
create table ledger.profile_alias (
    email_key text not null,
    profile   text not null, -- of the record
    record_id text not null,
    primary key (email_key, profile, record_id)
);
create index profile_alias_profile on ledger.profile_alias (profile);

-- One profile for each e-mail key, derived: registered at the earliest of its
-- records and its QuickStarts (R2.10).
create table ledger.profile (
    email_key     text        primary key,
    fold_key      text        not null, -- without plus-tag and dots, to find look-alikes (R1.2)
    registered_at timestamptz not null
);
create index profile_fold on ledger.profile (fold_key);

create table ledger.invitation (
    id         text        primary key,
    space_id   text        not null,
    email_key  text        not null,
    invited_at timestamptz not null,
    is_deleted boolean     not null,
    modstamp   timestamptz not null
);
create index invitation_email on ledger.invitation (email_key);
create index invitation_space on ledger.invitation (space_id);

create table ledger.install (
    id           text        primary key,
    org_id       text        not null, -- 18 characters (R1.3)
    status       text        not null default '',
    installed_on date,
    expires_on   date,
    is_sandbox   boolean     not null,
    account_id   text        not null default '',
    lead_email   text        not null default '', -- e-mail key
    is_deleted   boolean     not null,
    modstamp     timestamptz not null
);
create index install_org on ledger.install (org_id);
create index install_lead_email on ledger.install (lead_email) where lead_email <> '';

create table ledger.connection (
    id              text        primary key,
    space_id        text        not null,
    org_id          text        not null,
    connected_at    timestamptz,
    disconnected_at timestamptz,
    is_deleted      boolean     not null,
    modstamp        timestamptz not null
);
create index connection_org on ledger.connection (org_id);

-- The profile that an e-mail key stands for: the one first seen under it, else the
-- one that has it as an alias (R2.10), else the key's own.
-- +goose StatementBegin
create function ledger.profile_of(key text) returns text language sql stable as $$
    select case
        when exists (select from ledger.profile_record r where r.profile = key) then key
        else coalesce((select min(a.profile) from ledger.profile_alias a where a.email_key = key), key) end
$$;
-- +goose StatementEnd

-- What Salesforce stated of a Partner ID: every history row and every distinct
-- observation, kept for ever (R2.6). Values are as received.
create table ledger.statement_of_id (
    record_id  text        not null, -- the Space's or the profile record's Salesforce id
    source     text        not null check (source in ('observation', 'history')),
    source_id  text        not null, -- the history row's id; of an observation, the record's
    at         timestamptz not null, -- the history row's CreatedDate; the record's SystemModstamp
    old_value  text        not null default '',
    new_value  text        not null default '',
    learned_at timestamptz not null,
    primary key (record_id, at, source_id, learned_at)
);

-- Who holds what, derived: change points. The end of one is the next, so two can
-- never overlap. What was believed before is kept: superseded_at says until when.
create table ledger.holding (
    subject_kind  text        not null check (subject_kind in ('profile', 'space')),
    subject       text        not null, -- an e-mail key; a Space's Salesforce id
    at            timestamptz not null,
    partner_id    text        not null, -- '' from here on nobody's
    is_malformed  boolean     not null default false, -- partner_id is then the raw text (R2.8)
    cause         json        not null,
    learned_at    timestamptz not null,
    superseded_at timestamptz,
    check (superseded_at is null or superseded_at > learned_at)
);
create unique index holding_believed on ledger.holding (subject_kind, subject, at) where superseded_at is null;
create index holding_partner on ledger.holding (partner_id, subject_kind) where superseded_at is null;
create unique index holding_once on ledger.holding (subject_kind, subject, at, learned_at);

-- Profiles and Spaces whose history has to be worked out again.
create table ledger.replay (
    subject_kind text        not null,
    subject      text        not null,
    origin       timestamptz not null, -- earlier subjects are worked out first
    marked_at    timestamptz not null,
    primary key (subject_kind, subject)
);
create index replay_order on ledger.replay (origin, subject_kind, subject);

-- The company's day on which installs were last held against Spaces (R3.6).
create table ledger.install_check (
    only_row   boolean primary key default true check (only_row),
    checked_on date    not null
);

-- Revenue (rulebook 3).
create table ledger.opportunity (
    id               text        primary key,
    name             text        not null default '',
    account_id       text        not null default '',
    first_account_id text        not null default '', -- named when first seen (R7.7)
    customer_id      text        not null default '', -- derived: the Account by which it finds its Space (R3.3)
    space_id         text        not null default '',
    amount           numeric,
    currency         text        not null,
    close_date       date        not null,
    stage            text        not null default '',
    is_closed        boolean     not null,
    is_won           boolean     not null,
    type             text        not null default '',
    created_at       timestamptz not null,
    service_start    date,
    service_end      date,
    net_new_amount   numeric,
    is_unreadable    boolean     not null default false, -- its latest version could not be read
    is_deleted       boolean     not null,
    modstamp         timestamptz not null
);
create index opportunity_account on ledger.opportunity (account_id) where account_id <> '';
create index opportunity_first_account on ledger.opportunity (first_account_id) where first_account_id <> '';
create index opportunity_customer on ledger.opportunity (customer_id) where customer_id <> '';
create index opportunity_space on ledger.opportunity (space_id) where space_id <> '';
create index opportunity_close on ledger.opportunity (close_date) where is_won;

-- Versions of a plan. Each governs from its date to the next one's (R4.4), so
-- versions can neither overlap nor leave a gap behind the first.
create table ledger.plan_version (
    plan           text        not null,
    effective_from date        not null,
    terms          json        not null,
    applied_by     text        not null,
    applied_at     timestamptz not null,
    primary key (plan, effective_from)
);

-- Sources whose lines have to be worked out again, and when those of a term
-- will next have to be because days have passed.
create table ledger.due_source (
    source_id text        primary key,
    marked_at timestamptz not null
);
create table ledger.source_schedule (
    source_id text primary key,
    next_on   date not null -- the first as-of on which there is more to accrue
);
create index source_schedule_next on ledger.source_schedule (next_on);

-- How far the book goes (R7.3). One row.
create table ledger.as_of (
    only_row  boolean     primary key default true check (only_row),
    posted    date        not null, -- the latest as-of that was posted
    explicit  date,                 -- the latest of those that a person gave
    posted_by text        not null,
    posted_at timestamptz not null
);

-- Expected lines (R7.1), with their explanations.
create table ledger.line (
    key          text        collate "C" primary key,
    payee_id     text        not null,
    regime       text        not null check (regime in ('space', 'registration', 'program')),
    source_id    text        not null,
    slice        text        not null,
    period       text        not null check (period ~ '^[0-9]{4}-[0-9]{2}$'),
    currency     text        not null,
    base         numeric     not null,
    rate         numeric     not null,
    amount_minor bigint      not null,
    status       text        not null check (status in ('accrued', 'on_hold', 'zero', 'void')), -- void: no longer expected
    reason       text        not null default '',
    account_id   text        not null default '',
    space_id     text        not null default '',
    plan         text        not null default '',
    explanation  json        not null,
    computed_at  timestamptz not null,
    check (status not in ('zero', 'void') or amount_minor = 0) -- of a line on hold, what it would be
);
create index line_source on ledger.line (source_id);

-- The book (R8.1, R8.2): every row moves an amount from one account to another,
-- so the sum over all accounts is zero by construction.
create table ledger.entry (
    payee_id     text        not null,
    seq          bigint      not null check (seq > 0), -- place in the payee's chain (R8.3)
    line_key     text        collate "C" not null,
    nth          integer     not null check (nth > 0), -- nth entry of its line; line_key#nth is its id
    kind         text        not null check (kind in ('accrue')),
    debit        text        not null,
    credit       text        not null check (credit <> debit),
    amount_minor bigint      not null check (amount_minor > 0),
    currency     text        not null check (length(currency) = 3),
    source_id    text        not null,
    period       text        not null,
    as_of        date        not null,
    corrects     text        not null default '', -- id of the entry before it on its line
    input_hash   bytea       not null,
    prev_hash    bytea       not null,
    hash         bytea       not null,
    posted_by    text        not null,
    posted_at    timestamptz not null,
    primary key (payee_id, seq),
    unique (payee_id, line_key, nth)
);
create index entry_source on ledger.entry (source_id);

create table ledger.chain (
    payee_id text   primary key,
    seq      bigint not null,
    hash     bytea  not null
);

-- +goose StatementBegin
create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the book is append only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using hint = 'Post a difference instead (R8.1).';
end
$$;
-- +goose StatementEnd
create trigger entry_append_only before update or delete or truncate on ledger.entry
    for each statement execute function ledger.refuse_change();

-- +goose Down
drop schema ledger cascade;
