-- Bills, exports and what became of their payment (R8.6), and approvals that were taken
-- back (R8.5). Nothing of it is ever rewritten.
-- +goose Up

-- What may go on a bill is looked for by status and month.
create index line_approved on ledger.line (period, key) where status = 'approved';

-- Approvals that a person took back, with the reason; the entries say what moved.
create table ledger.unapproval (
    id            bigint generated always as identity primary key,
    line_key      text        collate "C" not null,
    reason        text        not null check (reason <> ''),
    unapproved_by text        not null check (unapproved_by <> ''),
    unapproved_at timestamptz not null
);
create index unapproval_line on ledger.unapproval (line_key);

-- An export that made bills. A period may have several, numbered from 1.
create table ledger.export (
    period      text        not null check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    number      integer     not null check (number > 0),
    exported_on date        not null, -- in the company zone
    exported_by text        not null check (exported_by <> ''),
    exported_at timestamptz not null,
    primary key (period, number)
);

-- A bill: what one partner is owed in one currency, over all its Partner IDs.
create table ledger.bill (
    number       text    collate "C" primary key, -- 2026-10-FG3877-USD; the second one of a period ends in -2
    period       text    not null,
    export       integer not null,
    payee_id     text    not null, -- the partner's primary Partner ID, or an individual's
    nth          integer not null check (nth > 0), -- place among those of the period, payee and currency
    partner_key  text    not null, -- '' of an ID that was issued to nobody
    partner_name text    not null, -- as it was then
    currency     text    not null check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint  not null check (amount_minor > 0),
    lines        integer not null check (lines > 0),
    unique (period, payee_id, currency, nth),
    foreign key (period, export) references ledger.export (period, number)
);
create index bill_export on ledger.bill (period, export);
create index bill_partner on ledger.bill (partner_key);

-- The lines of a bill as they were then: a bill that failed may be followed by another
-- one on which the same line stands otherwise.
create table ledger.bill_line (
    bill          text    collate "C" not null references ledger.bill (number),
    line_key      text    collate "C" not null,
    payee_id      text    not null,
    regime        text    not null,
    source_id     text    not null,
    slice         text    not null,
    period        text    not null,
    base          numeric not null,
    rate          numeric not null,
    amount_minor  bigint  not null check (amount_minor <> 0), -- in the bill's currency
    account_id    text    not null,
    customer_name text    not null, -- '' if none is known
    sale          text    not null, -- new_business, expansion, renewal or ''
    term_start    date,
    term_end      date,
    primary key (bill, line_key)
);
create index bill_line_key on ledger.bill_line (line_key);

-- What became of a bill. The latest says where it stands.
create table ledger.bill_event (
    bill        text        collate "C" not null references ledger.bill (number),
    nth         integer     not null check (nth > 0),
    outcome     text        not null check (outcome in ('exported', 'paid', 'failed', 'returned')),
    on_date     date        not null, -- on which it happened, in the company zone
    reference   text        not null default '',
    recorded_by text        not null check (recorded_by <> ''),
    recorded_at timestamptz not null,
    primary key (bill, nth)
);

-- The files that were handed over, to the byte: one for each format that was asked for.
create table ledger.export_file (
    period  text        not null,
    number  integer     not null,
    format  text        not null,
    settings json       not null, -- with which it was written
    content bytea       not null,
    made_by text        not null,
    made_at timestamptz not null,
    primary key (period, number, format),
    foreign key (period, number) references ledger.export (period, number)
);

create trigger unapproval_append_only before update or delete or truncate on ledger.unapproval
    for each statement execute function ledger.refuse_change();
create trigger export_append_only before update or delete or truncate on ledger.export
    for each statement execute function ledger.refuse_change();
create trigger bill_append_only before update or delete or truncate on ledger.bill
    for each statement execute function ledger.refuse_change();
create trigger bill_line_append_only before update or delete or truncate on ledger.bill_line
    for each statement execute function ledger.refuse_change();
create trigger bill_event_append_only before update or delete or truncate on ledger.bill_event
    for each statement execute function ledger.refuse_change();
create trigger export_file_append_only before update or delete or truncate on ledger.export_file
    for each statement execute function ledger.refuse_change();

-- +goose Down
drop table ledger.export_file;
drop table ledger.bill_event;
drop table ledger.bill_line;
drop table ledger.bill;
drop table ledger.export;
drop table ledger.unapproval;
drop index ledger.line_approved;
