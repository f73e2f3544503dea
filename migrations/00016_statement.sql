-- Which statements have been given out to be pushed: as far as they were, the next ones
-- to be given are found by comparing, so that no poster has to remember to say so.
-- +goose Up

-- Through which entry of its chain a payee's statements have been given out, and whose
-- they were then.
create table ledger.statement_mark (
    payee_id    text   primary key,
    seq         bigint not null,
    partner_key text   not null -- "" of an ID that was issued to nobody
);

-- The last closed month, and the last month with statements at all, of those that have
-- been given out. One row; "" before the first time.
create table ledger.statement_given (
    only_row boolean primary key default true check (only_row),
    closed   text    not null,
    through  text    not null
);

-- +goose Down
drop table ledger.statement_given;
drop table ledger.statement_mark;
