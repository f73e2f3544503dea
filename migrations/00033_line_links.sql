-- The lines that lead to a Space or an Account which comes back were found by going through
-- all lines, some gigabytes of them in a large ledger. A line that leads nowhere is in
-- neither index.
-- +goose Up
create index line_space on ledger.line (space_id) where space_id <> '';
create index line_account on ledger.line (account_id) where account_id <> '';

-- +goose Down
drop index ledger.line_account;
drop index ledger.line_space;
