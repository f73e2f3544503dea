-- The registration that an opportunity names (R5.5).
-- +goose Up
alter table ledger.opportunity add column registration_id text not null default '';
create index opportunity_registration on ledger.opportunity (registration_id) where registration_id <> '';

-- +goose Down
drop index ledger.opportunity_registration;
alter table ledger.opportunity drop column registration_id;
