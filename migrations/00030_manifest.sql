-- What is on its way was a row for each record: written with two indexes, and deleted
-- again. It is a manifest now, one row for thousands of records, so that writing down what
-- is sent costs next to nothing beside what is sent. What was read as a table of records,
-- outbox.flown, reads the same as a view.
-- +goose Up
create table outbox.manifest (
    id        bigint  generated always as identity primary key,
    flight    bigint  not null,
    object    text    not null,
    first_key text    collate "C" not null, -- of the keys, the least and the greatest
    last_key  text    collate "C" not null,
    records   integer not null check (records > 0),
    keys      text[]  collate "C" not null check (cardinality(keys) = records),
    wanted    bigint[] not null check (cardinality(wanted) = records), -- when the record was made up
    hashes    bytea[] not null check (cardinality(hashes) = records),  -- of the records that are sent
    check (first_key <= last_key)
);
create index manifest_flight on outbox.manifest (flight);
-- Hashes don't shrink, and keys live too briefly to be worth the work.
alter table outbox.manifest alter keys set storage external, alter wanted set storage external, alter hashes set storage external;

-- A key is in one flight at a time. Whoever writes a manifest down waits until those before
-- him have committed theirs, and then looks at those whose keys may be the same. Afterwards
-- a manifest only loses keys.
-- +goose StatementBegin
create function outbox.refuse_second_flight() returns trigger language plpgsql as $$
declare
    twice text;
begin
    perform pg_advisory_xact_lock(hashtext('outbox.manifest'), hashtext(new.object));
    if exists (select from outbox.manifest m where m.object = new.object and m.first_key <= new.last_key and m.last_key >= new.first_key) then
        select k into twice from (
            select unnest(m.keys) as k from outbox.manifest m
            where m.object = new.object and m.first_key <= new.last_key and m.last_key >= new.first_key
            intersect
            select unnest(new.keys)) as both_have limit 1;
        if found then
            raise unique_violation using message = format('%s %s is in flight already', new.object, twice), constraint = 'manifest_keys';
        end if;
    end if;
    return new;
end $$;
-- +goose StatementEnd
create trigger manifest_keys before insert on outbox.manifest for each row execute function outbox.refuse_second_flight();

-- What is in flight at this moment stays there, a flight's thousands by thousands. An older
-- replica that is at work can write nothing more down from here on, and so sends nothing.
lock table outbox.flown in access exclusive mode;
insert into outbox.manifest (flight, object, first_key, last_key, records, keys, wanted, hashes)
select flight, object, min(key), max(key), count(*), array_agg(key order by key), array_agg(wanted order by key), array_agg(hash order by key)
from (select *, (row_number() over (partition by flight, object order by key) - 1) / 5000 as nth from outbox.flown) as numbered
group by flight, object, nth order by flight, nth;
-- +goose StatementBegin
do $$
begin
    if (select coalesce(sum(records), 0) from outbox.manifest) <> (select count(*) from outbox.flown) then
        raise exception 'records in flight were lost on the way into outbox.manifest';
    end if;
end $$;
-- +goose StatementEnd
drop table outbox.flown;
create view outbox.flown as
select m.object, u.key collate "C" as key, m.flight, u.wanted, u.hash, m.id as manifest, u.nth
from outbox.manifest m cross join lateral unnest(m.keys, m.wanted, m.hashes) with ordinality as u (key, wanted, hash, nth);

-- +goose Down
lock table outbox.manifest in access exclusive mode;
create table outbox.flown_again (
    object text   not null,
    key    text   collate "C" not null,
    flight bigint not null,
    wanted bigint not null,
    hash   bytea  not null,
    primary key (key, object)
);
insert into outbox.flown_again (object, key, flight, wanted, hash) select object, key, flight, wanted, hash from outbox.flown;
drop view outbox.flown;
drop table outbox.manifest;
drop function outbox.refuse_second_flight;
alter table outbox.flown_again rename to flown;
alter index outbox.flown_again_pkey rename to flown_pkey;
create index flown_flight on outbox.flown (flight);
