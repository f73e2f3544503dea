-- How many lines have entries was counted from all entries whenever somebody asked what is
-- owed, which status, page and metrics do every few seconds. The database counts a line
-- when its first entry in a currency is posted, whichever version of the program posts it.
-- +goose Up
create table ledger.posted_lines (
    payee_id text   not null,
    currency text   not null,
    lines    bigint not null check (lines > 0),
    primary key (payee_id, currency)
);

-- The entries that were posted before are found by index, however few there were when the
-- statement was planned for the session.
-- +goose StatementBegin
create function ledger.count_posted_lines() returns trigger language plpgsql set enable_seqscan = off as $$
begin
    insert into ledger.posted_lines as p (payee_id, currency, lines)
    select a.payee_id, a.currency, count(*) from added a
    where a.nth = 1 or not exists (
        select from ledger.entry e
        where e.source_id = a.source_id and e.payee_id = a.payee_id and e.line_key = a.line_key and e.nth < a.nth and e.currency = a.currency)
    group by a.payee_id, a.currency
    on conflict (payee_id, currency) do update set lines = p.lines + excluded.lines;
    return null;
end
$$;
-- +goose StatementEnd
-- Nobody posts from here on until this is committed.
create trigger entry_line_counted after insert on ledger.entry
    referencing new table as added for each statement execute function ledger.count_posted_lines();
insert into ledger.posted_lines (payee_id, currency, lines)
select payee_id, currency, count(distinct line_key) from ledger.entry group by payee_id, currency;

-- +goose Down
drop trigger entry_line_counted on ledger.entry;
drop function ledger.count_posted_lines();
drop table ledger.posted_lines;
