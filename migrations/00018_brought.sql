-- What was brought into the book when a company began in the middle (R8.9): what each
-- row of a file said. The same row again is no change, and another one for the same line
-- is refused.
-- +goose Up
create table ledger.brought (
    line_key     text        collate "C" primary key,
    kind         text        not null check (kind in ('opening', 'paid')),
    payee_id     text        not null,
    source_id    text        not null, -- OB-000001 of an opening balance, else the opportunity
    period       text        not null check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    currency     text        not null check (length(currency) = 3),
    amount_minor bigint      not null check (amount_minor <> 0),
    reference    text        not null check (reference <> ''), -- what the other system calls it
    note         text        not null default '',
    paid_on      date, -- none of an opening balance
    file         text        not null, -- its name, without its folder
    file_line    integer     not null check (file_line > 0),
    file_hash    bytea       not null, -- SHA-256 of the whole file
    brought_by   text        not null check (brought_by <> ''),
    brought_at   timestamptz not null,
    check ((kind = 'opening') = (paid_on is null)),
    check ((kind = 'opening') = (source_id like 'OB-%'))
);
-- An opening balance is known by what the other system calls it, a paid line by its key.
create unique index brought_opening on ledger.brought (payee_id, currency, reference) where kind = 'opening';
create unique index brought_number on ledger.brought (source_id) where kind = 'opening';
create index brought_source on ledger.brought (source_id);

create trigger brought_append_only before update or delete or truncate on ledger.brought
    for each statement execute function ledger.refuse_change();

-- +goose Down
drop table ledger.brought;
