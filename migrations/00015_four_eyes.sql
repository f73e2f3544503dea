-- A plan version is usable once a second person approves it (R8.5). Who applied it has
-- proposed it; until then it governs nothing.
-- +goose Up
alter table ledger.plan_version
    add column approved_by    text,
    add column approved_at    timestamptz,
    -- One person did both: before there were proposals, or while four eyes were off.
    add column approved_alone boolean not null default false,
    add column refused_by     text, -- the proposer himself withdrew it
    add column refused_at     timestamptz,
    add column refusal_reason text not null default '';

-- Versions from before count as approved by whoever applied them.
update ledger.plan_version set approved_by = applied_by, approved_at = applied_at, approved_alone = true;

alter table ledger.plan_version
    add constraint plan_version_approved check ((approved_by is null) = (approved_at is null)),
    add constraint plan_version_refused check ((refused_by is null) = (refused_at is null)),
    add constraint plan_version_decided_once check (approved_at is null or refused_at is null),
    add constraint plan_version_refused_stays check (refused_at is null or superseded_at is null),
    add constraint plan_version_four_eyes check (
        approved_by is null or approved_alone or lower(btrim(approved_by)) <> lower(btrim(applied_by)));

-- Of each day one version is in force at most, and one waits.
drop index ledger.plan_version_believed;
create unique index plan_version_in_force on ledger.plan_version (plan, effective_from)
    where approved_at is not null and superseded_at is null;
create unique index plan_version_proposed on ledger.plan_version (plan, effective_from)
    where approved_at is null and refused_at is null and superseded_at is null;

-- +goose StatementBegin
do $$
begin
    if exists (select from ledger.plan_version where approved_by is null) then
        raise exception 'a plan version that was applied before is approved by nobody';
    end if;
end
$$;
-- +goose StatementEnd

-- What a second person approved is what was proposed, and stays on record.
-- +goose StatementBegin
create function ledger.refuse_other_terms() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE'
        or (new.plan, new.effective_from, new.terms::text, new.applied_by, new.applied_at)
            is distinct from (old.plan, old.effective_from, old.terms::text, old.applied_by, old.applied_at)
        -- One that is superseded or refused stays so; one that is approved can only be superseded.
        or (old.superseded_at is not null or old.refused_at is not null)
            and (new.superseded_by, new.superseded_at) is distinct from (old.superseded_by, old.superseded_at)
        or (old.superseded_at is not null or old.refused_at is not null or old.approved_at is not null)
            and (new.approved_by, new.approved_at, new.approved_alone, new.refused_by, new.refused_at, new.refusal_reason)
                is distinct from (old.approved_by, old.approved_at, old.approved_alone, old.refused_by, old.refused_at, old.refusal_reason)
    then
        raise exception 'plan version % is on record as it was proposed and decided: % is refused', old.id, lower(tg_op)
            using hint = 'Propose another version (R8.5).';
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger plan_version_on_record before update or delete on ledger.plan_version
    for each row execute function ledger.refuse_other_terms();

-- +goose Down
drop trigger plan_version_on_record on ledger.plan_version;
drop function ledger.refuse_other_terms();
-- What never was in force is not a version below.
delete from ledger.plan_version where approved_at is null;
drop index ledger.plan_version_proposed;
drop index ledger.plan_version_in_force;
alter table ledger.plan_version
    drop constraint plan_version_four_eyes,
    drop constraint plan_version_refused_stays,
    drop constraint plan_version_decided_once,
    drop constraint plan_version_refused,
    drop constraint plan_version_approved,
    drop column refusal_reason,
    drop column refused_at,
    drop column refused_by,
    drop column approved_alone,
    drop column approved_at,
    drop column approved_by;
create unique index plan_version_believed on ledger.plan_version (plan, effective_from) where superseded_at is null;
