-- What customers were known by on which day, and whose a registration is, so that a
-- new website takes nothing back (R1.4, R5.5).
-- +goose Up
alter index ledger.customer_domain rename to customer_present_domain;

-- The domains of Accounts, dated as their versions were seen: where one version's
-- domain differs from that of the version before, each of the two has a row, and the
-- first version has one. The last row has the domain of ledger.customer.
create table ledger.customer_domain (
    account_id text        not null,
    at         timestamptz not null,            -- the version's SystemModstamp
    domain     text        not null default '', -- registrable domain of the website; '' if it has none
    primary key (account_id, at)
);
create index customer_domain_accounts on ledger.customer_domain (domain, account_id) where domain <> '';
insert into ledger.customer_domain (account_id, at, domain)
select account_id, modstamp, domain from ledger.customer;

-- The Partner ID of a registration in its proper form (R1.1).
alter table ledger.registration add column payee_id text not null default '' -- '' if blank or malformed
    check (payee_id = '' or payee_id ~ '^[A-Z]{2}[0-9]{4}$');
update ledger.registration r set payee_id = upper(p.id)
from (select id as registration_id,
        regexp_replace(partner_id, '^[\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+|[\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+$', '', 'g') as id
      from ledger.registration) as p
where p.registration_id = r.id and p.id ~ '^[A-Za-z]{2}[0-9]{4}$';
create index registration_payee on ledger.registration (payee_id) where payee_id <> '';

-- +goose Down
alter table ledger.registration drop column payee_id;
drop table ledger.customer_domain;
alter index ledger.customer_present_domain rename to customer_domain;
