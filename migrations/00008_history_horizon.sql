-- How far back Salesforce's own history went when it was first seen (R2.6), and
-- what finds the customers that domains and orgs propose (R1.4, R3.6).
-- +goose Up
create table ledger.history_horizon (
    subject_kind text        primary key check (subject_kind in ('profile', 'space')),
    seen_at      timestamptz not null, -- when records of the kind were first seen
    oldest       timestamptz,          -- the oldest of the first history rows of the kind; none so far if null
    settled_at   timestamptz,          -- the end of the pass that first learned any; oldest stands from then on
    check (settled_at is null or oldest is not null)
);

-- A ledger that is older than this table: what it learned first, it learned in one
-- pass, at one instant. The next pass settles it.
insert into ledger.history_horizon (subject_kind, seen_at, oldest)
select k.kind, min(t.learned_at), min(t.at) filter (where t.source = 'history' and t.learned_at = k.first_history)
from (
    select k.kind, (
        select min(t.learned_at) from ledger.statement_of_id t
        where t.source = 'history' and case k.kind
            when 'space' then exists (select from ledger.space s where s.id = t.record_id)
            else exists (select from ledger.profile_record r where r.id = t.record_id) end) as first_history
    from (values ('space'), ('profile')) as k (kind)) as k
join ledger.statement_of_id t on case k.kind
    when 'space' then exists (select from ledger.space s where s.id = t.record_id)
    else exists (select from ledger.profile_record r where r.id = t.record_id) end
group by k.kind;

-- +goose StatementBegin
do $$
begin
    if exists (
        select from ledger.history_horizon h
        where (h.oldest is null) = exists (
            select from ledger.statement_of_id t
            where t.source = 'history' and (
                h.subject_kind = 'space' and exists (select from ledger.space s where s.id = t.record_id)
                or h.subject_kind = 'profile' and exists (select from ledger.profile_record r where r.id = t.record_id))))
    then
        raise exception 'a horizon does not agree with the history that the ledger has';
    end if;
end
$$;
-- +goose StatementEnd

create index customer_domain on ledger.customer (domain) where domain <> '';
create index connection_space on ledger.connection (space_id);
create index space_without_customer on ledger.space (id) where customer_id = '' and creator_key <> '';

-- +goose Down
drop index ledger.space_without_customer;
drop index ledger.connection_space;
drop index ledger.customer_domain;
drop table ledger.history_horizon;
