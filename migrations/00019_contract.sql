-- Lines that accrued before they said of which contract and kind of sale they are
-- (00013): the next accrue works them out once more. It posts nothing where they agree,
-- and fills in what finance spreads their cost by, before they are approved and billed.
-- +goose Up
insert into ledger.due_source (source_id, marked_at)
select distinct source_id, now() from ledger.line
where regime <> 'opening' and term_start is null and sale = ''
on conflict (source_id) do nothing;

-- +goose Down
select 1; -- a source that is worked out once more does no harm
