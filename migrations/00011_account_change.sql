-- Which Accounts a record named after the one that it named when first seen. A merge
-- moves a record to the survivor, and so does a person who corrects it; which of them
-- did decides whose customer the record is (R3.3, R9.2).
-- +goose Up
create table ledger.account_change (
    record_id  text        not null, -- an opportunity, a registration or a Space
    at         timestamptz not null, -- the stamp of the version that named it
    is_silent  boolean     not null default false, -- that version had named another: no person can have moved it
    account_id text        not null check (account_id <> ''),
    primary key (record_id, at, is_silent)
);

-- The stamp of the oldest version that named the first Account; not known if null.
alter table ledger.opportunity add column first_account_at timestamptz;
alter table ledger.registration add column first_account_at timestamptz;
alter table ledger.space add column first_account_at timestamptz;

-- A ledger that is older than this table knows of no step in between, and no stamp
-- but that of the version that it keeps.
insert into ledger.account_change (record_id, at, account_id)
select id, modstamp, account_id from ledger.opportunity
where account_id <> '' and first_account_id <> '' and account_id <> first_account_id
union all
select id, modstamp, account_id from ledger.registration
where account_id <> '' and first_account_id <> '' and account_id <> first_account_id and origin = 'salesforce'
union all
select id, modstamp, account_id from ledger.space
where account_id <> '' and first_account_id <> '' and account_id <> first_account_id;

-- The Account that is a record's own: of those that it named, the last one to which
-- no merge moved it. A change to an Account into which the one named before was merged
-- by then only follows the merge. A minute is allowed, because Salesforce stamps what
-- one merge changes record by record.
-- +goose StatementBegin
create function ledger.own_account(of_record text, first_account text) returns text language plpgsql stable as $$
declare
    own    text := first_account;
    named  text := first_account;
    change record;
begin
    for change in
        select c.account_id, case when c.is_silent then 'infinity' else c.at + interval '1 minute' end as merged_by
        from ledger.account_change c where c.record_id = of_record order by c.at, c.is_silent
    loop
        if change.account_id <> named and not exists (
            with recursive line (id, depth) as (
                select named, 0
                union all
                select c.master_account_id, l.depth + 1 from line l join ledger.customer c on c.account_id = l.id
                where c.master_account_id <> '' and c.merged_at <= change.merged_by and l.depth < 50)
            select from line where id = change.account_id)
        then
            own := change.account_id;
        end if;
        named := change.account_id;
    end loop;
    return own;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
begin
    if exists (
        select from ledger.opportunity o
        where o.account_id <> '' and o.first_account_id <> '' and o.account_id <> o.first_account_id
          and ledger.own_account(o.id, o.first_account_id) not in (o.account_id, o.first_account_id))
    then
        raise exception 'an opportunity has another Account of its own than the two that it is known to have named';
    end if;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function ledger.own_account(text, text);
alter table ledger.space drop column first_account_at;
alter table ledger.registration drop column first_account_at;
alter table ledger.opportunity drop column first_account_at;
drop table ledger.account_change;
