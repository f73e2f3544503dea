-- A Partner ID is issued once, for good (R1.1): whoever it was issued to is paid for all that
-- it ever earned. Partners that merge keep theirs. The journals of what was decided cannot be
-- emptied either.
-- +goose Up

-- +goose StatementBegin
create function ledger.refuse_reissue() returns trigger language plpgsql as $$
begin
    raise exception 'a Partner ID is issued once, for good: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using hint = 'Issue another ID; if partners merged, say so with merged_into (R1.1).';
end
$$;
-- +goose StatementEnd
create trigger partner_id_for_good before update of id, partner_key or delete or truncate on ledger.partner_id
    execute function ledger.refuse_reissue();
create trigger plan_version_not_emptied before truncate on ledger.plan_version
    execute function ledger.refuse_rewriting();

-- +goose Down
drop trigger plan_version_not_emptied on ledger.plan_version;
drop trigger partner_id_for_good on ledger.partner_id;
drop function ledger.refuse_reissue();
