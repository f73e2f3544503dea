-- How far back Salesforce's own history goes is asked of the whole history object,
-- and not taken from its rows about the Partner ID alone (R2.6): rows about other
-- fields, and the one that a record's creation leaves, reach as far.
-- +goose Up
alter table staging.cursor
    add column asked_at timestamptz, -- of a history object: Salesforce's clock when its oldest row was asked for; not yet if null
    add column oldest   timestamptz, -- the instant of that row, whatever field it is about; there was none if null
    add constraint cursor_oldest_check check (oldest is null or asked_at is not null);

-- A ledger that is older than these columns: the next pull asks, and the next
-- reconcile settles the horizon again.
alter table ledger.history_horizon
    add column asked_at timestamptz, -- Salesforce's clock when the oldest row of the history object was asked for
    drop constraint history_horizon_check,
    add constraint history_horizon_check check (settled_at is null or oldest is not null or asked_at is not null);

-- How old a record is where history is meant: a Space or a profile can be older
-- than its record.
alter table ledger.space add column recorded_at timestamptz; -- when the record was made in Salesforce; not known if null
alter table ledger.profile_record add column recorded_at timestamptz;

-- +goose Down
alter table ledger.profile_record drop column recorded_at;
alter table ledger.space drop column recorded_at;
update ledger.history_horizon set settled_at = null where oldest is null;
alter table ledger.history_horizon
    drop column asked_at, -- and with it the check that names it
    add constraint history_horizon_check check (settled_at is null or oldest is not null);
alter table staging.cursor
    drop column oldest,
    drop column asked_at;
