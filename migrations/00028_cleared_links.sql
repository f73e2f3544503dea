-- Salesforce clears the lookups to a record that is deleted, and puts them back when it
-- is undeleted. What a record named before is kept, so that a deletion ends nothing
-- (R2.11, R3.3); and the links of records there are expected as Salesforce leaves them.
-- +goose Up

-- The Space that an opportunity named before it named none, '' while it names one; and by
-- when it was cleared at the latest, allowances included. space_id is derived from it:
-- that Space, if Salesforce cleared the lookup because it was deleted.
alter table ledger.opportunity add column cleared_space_id text not null default '';
alter table ledger.opportunity add column space_cleared_by timestamptz
    check (cleared_space_id = '' or space_cleared_by is not null);
create index opportunity_cleared_space on ledger.opportunity (cleared_space_id) where cleared_space_id <> '';

-- The stamp of the version that first showed a Space deleted, not known (null) of one that
-- was deleted before there was this column, and of the one that showed it alive again.
alter table ledger.space add column deleted_at timestamptz;
alter table ledger.space add column restored_at timestamptz;

-- When what vanished was last known to be there, by a pull or a recount.
alter table staging.cursor add column recounted_at timestamptz;
alter table staging.record add column alive_at timestamptz;
alter table ledger.vanished add column alive_at timestamptz;

-- The Accounts into which one was merged before that was undone, which leaves what the
-- merge has moved where it is.
alter table ledger.customer add column former_master_ids text[] not null default '{}';

-- Lines of which a link leads to what is there again, and that are still to be marked for
-- push: Salesforce puts back the links that it has cleared, and no others.
create table ledger.relinked (
    line_key text primary key
);

-- What links may not lead to any more is little, and is looked up by batches of ids.
create index opportunity_gone on ledger.opportunity (id) where is_deleted;
create index space_gone on ledger.space (id) where is_deleted;
create index customer_gone on ledger.customer (account_id) where is_deleted or master_account_id <> '' or former_master_ids <> '{}';

-- +goose Down
drop index ledger.customer_gone;
drop index ledger.space_gone;
drop index ledger.opportunity_gone;
drop table ledger.relinked;
alter table ledger.customer drop column former_master_ids;
alter table ledger.vanished drop column alive_at;
alter table staging.record drop column alive_at;
alter table staging.cursor drop column recounted_at;
alter table ledger.space drop column restored_at;
alter table ledger.space drop column deleted_at;
drop index ledger.opportunity_cleared_space;
alter table ledger.opportunity drop column space_cleared_by;
alter table ledger.opportunity drop column cleared_space_id;
