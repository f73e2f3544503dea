-- What people state of terms and partners, each statement kept when another
-- supersedes it: who said it, and who took it back.
-- +goose Up

-- A changed plan version supersedes the one of the same day and keeps it.
alter table ledger.plan_version
    drop constraint plan_version_pkey,
    add column id bigint generated always as identity primary key,
    add column superseded_by text,
    add column superseded_at timestamptz,
    add constraint plan_version_superseded check ((superseded_by is null) = (superseded_at is null));
create unique index plan_version_believed on ledger.plan_version (plan, effective_from) where superseded_at is null;

-- Versions that were applied before plans had these terms were meant as the
-- rulebook's defaults of that time. They are written out, so that a later default
-- never touches them.
update ledger.plan_version set terms = (jsonb_set(terms::jsonb, '{space,beside}', 'false') || '{
    "registration": {"referral_rate": "0.1", "net_new_rate": "0.25", "remainder_rate": "0.1",
        "engagement_days": 60, "window_days": 90},
    "net_new": {"renewal_days": 90, "types": {
        "new_business": ["new", "new business", "new customer"],
        "expansion": ["existing business", "existing customer - upgrade", "expansion", "upsell"],
        "renewal": ["existing customer - renewal", "renewal"]}},
    "payout_currency": ""}'::jsonb)::json;

-- +goose StatementBegin
do $$
begin
    if exists (
        select from ledger.plan_version
        where terms -> 'space' ->> 'referral_rate' is null or terms -> 'space' ->> 'beside' is null
           or terms -> 'registration' ->> 'window_days' is null or terms -> 'net_new' -> 'types' -> 'renewal' is null) then
        raise exception 'a plan version has not got all of its terms';
    end if;
end
$$;
-- +goose StatementEnd

-- What kind of partner it is, from a day on (R5.6). The first kind also holds
-- before its day; 0001-01-01 means always. ledger.partner.kind is the present one.
create table ledger.partner_kind (
    id             bigint      generated always as identity primary key,
    partner_key    text        not null references ledger.partner (key),
    effective_from date        not null,
    kind           text        not null check (kind in ('registered', 'consulting')),
    applied_by     text        not null,
    applied_at     timestamptz not null,
    superseded_by  text,
    superseded_at  timestamptz,
    check ((superseded_by is null) = (superseded_at is null))
);
create unique index partner_kind_believed on ledger.partner_kind (partner_key, effective_from) where superseded_at is null;

insert into ledger.partner_kind (partner_key, effective_from, kind, applied_by, applied_at)
select key, '0001-01-01', kind, applied_by, applied_at from ledger.partner order by key;

-- +goose StatementBegin
do $$
begin
    if (select count(*) from ledger.partner_kind) <> (select count(*) from ledger.partner) then
        raise exception 'there are % partners, and % of them have a kind',
            (select count(*) from ledger.partner), (select count(*) from ledger.partner_kind);
    end if;
end
$$;
-- +goose StatementEnd

-- Partners that merged into another, which is paid for both (R1.1). Their IDs stay.
create table ledger.partner_merge (
    id            bigint      generated always as identity primary key,
    partner_key   text        not null references ledger.partner (key),
    merged_into   text        not null references ledger.partner (key) check (merged_into <> partner_key),
    merged_on     date        not null,
    applied_by    text        not null,
    applied_at    timestamptz not null,
    superseded_by text,
    superseded_at timestamptz,
    check ((superseded_by is null) = (superseded_at is null))
);
create unique index partner_merge_believed on ledger.partner_merge (partner_key) where superseded_at is null;
create index partner_merge_survivor on ledger.partner_merge (merged_into) where superseded_at is null;

-- +goose StatementBegin
create function ledger.refuse_merge_circle() returns trigger language plpgsql as $$
begin
    if new.superseded_at is null and exists (
        with recursive up (key) as (
            select new.merged_into
            union
            select m.merged_into from up
            join ledger.partner_merge m on m.partner_key = up.key and m.superseded_at is null)
        select from up where key = new.partner_key) then
        raise exception 'partner % would be merged into itself', new.partner_key
            using hint = 'A partner that others merged into can merge into a third one only (R1.1).';
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger partner_merge_no_circle after insert or update on ledger.partner_merge
    for each row execute function ledger.refuse_merge_circle();

-- What one unit of a currency is worth in another, from a day on until the next
-- rate of the two (R7.5).
create table ledger.exchange_rate (
    id            bigint      generated always as identity primary key,
    from_currency text        not null check (from_currency ~ '^[A-Z]{3}$'),
    to_currency   text        not null check (to_currency ~ '^[A-Z]{3}$' and to_currency <> from_currency),
    rate_on       date        not null,
    rate          numeric     not null check (rate > 0 and rate < 1e18),
    applied_by    text        not null,
    applied_at    timestamptz not null,
    superseded_by text,
    superseded_at timestamptz,
    check ((superseded_by is null) = (superseded_at is null))
);
create unique index exchange_rate_believed on ledger.exchange_rate (from_currency, to_currency, rate_on)
    where superseded_at is null;

-- From which day on this ledger, and no longer another system, pays (R4.5). One
-- row once the company has decided; no date means that it pays everything.
create table ledger.go_live (
    only_row   boolean     primary key default true check (only_row),
    live_on    date,
    decided_by text        not null,
    decided_at timestamptz not null
);

-- +goose Down
drop table ledger.go_live;
drop table ledger.exchange_rate;
drop table ledger.partner_merge;
drop function ledger.refuse_merge_circle();
drop table ledger.partner_kind;
drop index ledger.plan_version_believed;
delete from ledger.plan_version where superseded_at is not null;
alter table ledger.plan_version
    drop column superseded_by,
    drop column superseded_at,
    drop column id,
    add primary key (plan, effective_from);
