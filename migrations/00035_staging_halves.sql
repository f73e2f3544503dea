-- A version of a record is read once and, once reconciled, is looked up by its record. It
-- had two indexes from the start, one of them in an order that has nothing to do with
-- that in which versions come, which was a third of what a first load cost the database.
-- Now it has one at a time: that of the order in which versions are reconciled until it is,
-- and that of records from then on. Both are in the order of bytes, as ids are compared
-- everywhere else.
-- +goose Up
alter table staging.record drop constraint record_pkey;
drop index staging.record_unreconciled;
alter table staging.record alter object type text collate "C", alter id type text collate "C";
create unique index record_unreconciled on staging.record (object, modstamp, id) where reconciled_at is null;
create unique index record_reconciled on staging.record (object, id, modstamp) where reconciled_at is not null;

-- +goose Down
drop index staging.record_unreconciled, staging.record_reconciled;
alter table staging.record alter object type text, alter id type text;
-- A version that was staged again while it was reconciled is there twice for a while.
delete from staging.record r using staging.record twin
where r.reconciled_at is not null and twin.reconciled_at is null
and twin.object = r.object and twin.id = r.id and twin.modstamp = r.modstamp;
alter table staging.record add primary key (object, id, modstamp);
create index record_unreconciled on staging.record (object, modstamp, id) where reconciled_at is null;
