-- The book as finance knows it (R8): what happens to a line after it accrued, closed
-- months, kept balances, and a database that itself refuses to rewrite any of it.
-- +goose Up

-- What happened to a line, and the accounts between which that moves its amount (R8.2).
-- The mirror of each is told by its accounts; it has the same kind.
alter table ledger.entry
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind in ('accrue', 'approve', 'export', 'pay', 'opening', 'import')),
    add constraint entry_accounts_check check (
        debit in ('commission_expense', 'accrued', 'payable', 'in_payment', 'settled', 'brought_in')
        and credit in ('commission_expense', 'accrued', 'payable', 'in_payment', 'settled', 'brought_in')) not valid;

-- What each account of a payee holds, credits less debits, in minor units. Kept beside
-- the entries, in the same transaction; verify adds the entries up again.
create table ledger.balance (
    payee_id text   not null,
    currency text   not null,
    account  text   not null,
    minor    bigint not null,
    primary key (payee_id, currency, account)
);
insert into ledger.balance (payee_id, currency, account, minor)
select payee_id, currency, account, sum(minor)::bigint
from (
    select payee_id, currency, credit as account, amount_minor as minor from ledger.entry
    union all
    select payee_id, currency, debit, -amount_minor from ledger.entry) as moved
group by payee_id, currency, account;

-- Months that take nothing any more (R8.4), each with the anchor of all chains (R8.3).
create table ledger.period_close (
    period      text        primary key check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    closed_by   text        not null check (closed_by <> ''),
    closed_at   timestamptz not null,
    as_of       date        not null, -- through which day everything was accrued
    prev_anchor bytea       not null, -- of the month closed before; empty for the first
    anchor      bytea       not null, -- hash of prev_anchor, the period and all heads
    engine      text        not null, -- version of the engine that worked the lines out
    terms       json        not null, -- partners, plan versions, rates and go-live, as it used them
    sources     bigint      not null, -- number of those in period_facts
    digest      bytea       not null  -- of what the engine makes of terms and facts
);
create table ledger.period_head (
    period   text   not null references ledger.period_close (period),
    payee_id text   not null,
    seq      bigint not null,
    hash     bytea  not null,
    primary key (period, payee_id)
);
-- Whose balance a payee's was when the month was closed: partners that merge later
-- change no statement of a closed month (R1.1).
create table ledger.period_payee (
    period      text not null references ledger.period_close (period),
    payee_id    text not null,
    partner_key text not null, -- "" of an ID that was issued to nobody
    primary key (period, payee_id)
);
create table ledger.period_facts (
    period    text not null, -- of a period_close, which is written after them
    source_id text collate "C" not null,
    facts     json not null, -- a commission.Source
    primary key (period, source_id)
);

-- Lines that a person has put on hold (R8.5). released_at is null while it lasts.
create table ledger.line_hold (
    id          bigint generated always as identity primary key,
    line_key    text        collate "C" not null,
    source_id   text        not null,
    reason      text        not null check (reason <> ''),
    held_by     text        not null check (held_by <> ''),
    held_at     timestamptz not null,
    released_by text,
    released_at timestamptz,
    check ((released_by is null) = (released_at is null))
);
create unique index line_hold_standing on ledger.line_hold (line_key) where released_at is null;
create index line_hold_source on ledger.line_hold (source_id) where released_at is null;

-- A line's life goes on after it accrued (R8.5), and finance has to know what its cost
-- is of: the contract's days and what kind of sale it was.
alter table ledger.line
    drop constraint line_status_check,
    add constraint line_status_check check (status in
        ('accrued', 'on_hold', 'zero', 'void', 'approved', 'exported', 'paid')) not valid,
    drop constraint line_regime_check,
    add constraint line_regime_check check (regime in ('space', 'registration', 'program', 'opening')) not valid,
    add column term_start date,
    add column term_end   date,
    add column sale       text not null default ''; -- new_business, expansion, renewal; '' where the plan knows no such type

-- +goose StatementBegin
create function ledger.refuse_closed() returns trigger language plpgsql as $$
declare
    closed text;
begin
    select max(period) into closed from ledger.period_close;
    if closed is not null and exists (select from added where added.period <= closed) then
        raise exception 'the book is closed through %: an entry of an earlier month is refused', closed
            using errcode = 'check_violation', constraint = 'entry_period_open';
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger entry_period_open after insert on ledger.entry
    referencing new table as added for each statement execute function ledger.refuse_closed();

create trigger period_close_append_only before update or delete or truncate on ledger.period_close
    for each statement execute function ledger.refuse_change();
create trigger period_head_append_only before update or delete or truncate on ledger.period_head
    for each statement execute function ledger.refuse_change();
create trigger period_payee_append_only before update or delete or truncate on ledger.period_payee
    for each statement execute function ledger.refuse_change();
create trigger period_facts_append_only before update or delete or truncate on ledger.period_facts
    for each statement execute function ledger.refuse_change();

-- +goose Down
drop trigger entry_period_open on ledger.entry;
alter table ledger.line
    drop column sale,
    drop column term_end,
    drop column term_start,
    drop constraint line_regime_check,
    add constraint line_regime_check check (regime in ('space', 'registration', 'program')),
    drop constraint line_status_check,
    add constraint line_status_check check (status in ('accrued', 'on_hold', 'zero', 'void'));
drop table ledger.line_hold;
drop table ledger.period_facts;
drop table ledger.period_payee;
drop table ledger.period_head;
drop table ledger.period_close;
drop function ledger.refuse_closed();
drop table ledger.balance;
alter table ledger.entry
    drop constraint entry_accounts_check,
    drop constraint entry_kind_check,
    add constraint entry_kind_check check (kind in ('accrue'));
