CREATE TABLE flireo_meta (
    key VARCHAR NOT NULL,
    value VARCHAR,
    PRIMARY KEY (key)
);

CREATE TABLE flireo_campaigns (
    name VARCHAR NOT NULL,
    state VARCHAR NOT NULL CONSTRAINT known_state CHECK (state IN ('open', 'paused', 'cancelled')),
    reason TEXT NOT NULL,
    changed_by VARCHAR NOT NULL,
    changed_at FLOAT NOT NULL,
    vendor_campaign_id VARCHAR NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE flireo_handovers (
    campaign VARCHAR NOT NULL,
    runner VARCHAR NOT NULL,
    making_since FLOAT,
    is_held BOOLEAN NOT NULL,
    PRIMARY KEY (campaign)
);

CREATE TABLE flireo_runners (
    id VARCHAR NOT NULL,
    campaign VARCHAR NOT NULL,
    started_at FLOAT NOT NULL,
    lease_until FLOAT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE flireo_leads (
    id SERIAL NOT NULL,
    campaign VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    name TEXT NOT NULL,
    columns TEXT NOT NULL,
    zones TEXT NOT NULL,
    batch VARCHAR NOT NULL,
    line INTEGER NOT NULL,
    state VARCHAR NOT NULL CONSTRAINT known_state CHECK (state IN ('waiting', 'calling', 'done', 'skipped', 'review')),
    reason TEXT NOT NULL,
    outcome VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    unplaced INTEGER NOT NULL,
    last_ended_at FLOAT,
    not_before FLOAT NOT NULL,
    wishes TEXT DEFAULT '{}' NOT NULL,
    zone_source VARCHAR DEFAULT '' NOT NULL,
    number_id VARCHAR DEFAULT '' NOT NULL,
    variant VARCHAR DEFAULT '' NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (campaign, phone)
);

CREATE INDEX flireo_leads_of_phone ON flireo_leads (phone);

CREATE INDEX flireo_due_leads ON flireo_leads (campaign, batch, state, not_before, id);

CREATE TABLE flireo_inbox (
    id SERIAL NOT NULL,
    digest VARCHAR NOT NULL,
    body BYTEA NOT NULL,
    received_at FLOAT NOT NULL,
    deliveries INTEGER NOT NULL,
    state VARCHAR NOT NULL CONSTRAINT known_state CHECK (state IN ('waiting', 'applied', 'unreadable')),
    reason TEXT NOT NULL,
    call_id VARCHAR NOT NULL,
    customer VARCHAR NOT NULL,
    reference VARCHAR DEFAULT '' NOT NULL,
    rang_at FLOAT,
    PRIMARY KEY (id),
    UNIQUE (digest)
);

CREATE INDEX flireo_waiting_references ON flireo_inbox (state, reference);

CREATE INDEX flireo_waiting_reports ON flireo_inbox (state, call_id);

CREATE TABLE flireo_requests (
    campaign VARCHAR NOT NULL,
    route VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (campaign, route, status)
);

CREATE TABLE flireo_do_not_call (
    campaign VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    PRIMARY KEY (campaign, phone)
);

CREATE TABLE flireo_suppressions (
    digest VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    reason TEXT NOT NULL,
    campaign VARCHAR NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (digest)
);

CREATE TABLE flireo_decisions (
    id SERIAL NOT NULL,
    campaign VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    lead_id INTEGER NOT NULL,
    number INTEGER,
    allowed BOOLEAN NOT NULL,
    rule VARCHAR NOT NULL,
    until FLOAT,
    inputs TEXT NOT NULL,
    policy VARCHAR NOT NULL,
    first_at FLOAT NOT NULL,
    last_at FLOAT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX flireo_decisions_of_lead ON flireo_decisions (lead_id, id);

CREATE INDEX flireo_decisions_of_phone ON flireo_decisions (phone);

CREATE UNIQUE INDEX flireo_one_denial ON flireo_decisions (lead_id, rule, policy) WHERE NOT allowed;

CREATE TABLE flireo_tallies (
    campaign VARCHAR NOT NULL,
    span VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    calls INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    open_calls INTEGER NOT NULL,
    PRIMARY KEY (campaign, span, key)
);

CREATE TABLE flireo_attempts (
    id SERIAL NOT NULL,
    lead_id INTEGER NOT NULL,
    campaign VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    state VARCHAR NOT NULL CONSTRAINT known_state CHECK (state IN ('sending', 'placed', 'unknown', 'ended', 'not_placed')),
    runner VARCHAR NOT NULL,
    began_at FLOAT NOT NULL,
    call_id VARCHAR,
    report_id VARCHAR,
    reason TEXT NOT NULL,
    absent_since FLOAT,
    over_at FLOAT,
    complete BOOLEAN NOT NULL,
    channel VARCHAR NOT NULL,
    call_status VARCHAR NOT NULL,
    end_reason TEXT NOT NULL,
    error TEXT NOT NULL,
    outcome VARCHAR NOT NULL,
    started_at FLOAT,
    ended_at FLOAT,
    duration_seconds INTEGER,
    summary TEXT NOT NULL,
    analysis TEXT,
    messages TEXT,
    recording_url TEXT,
    reference VARCHAR,
    vendor_lead_id VARCHAR,
    run VARCHAR DEFAULT '' NOT NULL,
    agent_id VARCHAR DEFAULT '' NOT NULL,
    number_id VARCHAR DEFAULT '' NOT NULL,
    variant VARCHAR DEFAULT '' NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (campaign, phone, number),
    FOREIGN KEY(lead_id) REFERENCES flireo_leads (id),
    UNIQUE (call_id),
    UNIQUE (report_id)
);

CREATE INDEX flireo_open_attempts ON flireo_attempts (campaign, state);

CREATE UNIQUE INDEX flireo_attempt_of_reference ON flireo_attempts (reference);

CREATE INDEX flireo_attempts_of_phone ON flireo_attempts (phone, state);

CREATE UNIQUE INDEX flireo_attempt_of_vendor_lead ON flireo_attempts (vendor_lead_id);

CREATE INDEX flireo_attempts_by_time ON flireo_attempts (campaign, began_at);

CREATE UNIQUE INDEX flireo_one_call_a_number ON flireo_attempts (phone) WHERE state IN ('sending', 'unknown', 'placed') AND over_at IS NULL;

CREATE INDEX flireo_attempts_of_lead ON flireo_attempts (lead_id, number);

CREATE UNIQUE INDEX flireo_one_open_attempt ON flireo_attempts (campaign, phone) WHERE state IN ('sending', 'unknown', 'placed');

CREATE OR REPLACE FUNCTION flireo_tally() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN INSERT INTO flireo_tallies (campaign, span, key, calls, seconds, open_calls) VALUES (OLD.campaign, 'campaign', '', CASE WHEN OLD.state = 'not_placed' THEN 0 ELSE -1 END, CASE WHEN OLD.state = 'ended' THEN -1 * COALESCE(OLD.duration_seconds, 0) ELSE 0 END, CASE WHEN OLD.state IN ('ended', 'not_placed') THEN 0 ELSE -1 END), (OLD.campaign, 'run', OLD.run, CASE WHEN OLD.state = 'not_placed' THEN 0 ELSE -1 END, CASE WHEN OLD.state = 'ended' THEN -1 * COALESCE(OLD.duration_seconds, 0) ELSE 0 END, CASE WHEN OLD.state IN ('ended', 'not_placed') THEN 0 ELSE -1 END), (OLD.campaign, 'quarter', CAST(CAST(FLOOR(OLD.began_at / 900) AS BIGINT) AS VARCHAR), CASE WHEN OLD.state = 'not_placed' THEN 0 ELSE -1 END, CASE WHEN OLD.state = 'ended' THEN -1 * COALESCE(OLD.duration_seconds, 0) ELSE 0 END, CASE WHEN OLD.state IN ('ended', 'not_placed') THEN 0 ELSE -1 END) ON CONFLICT (campaign, span, key) DO UPDATE SET calls = flireo_tallies.calls + excluded.calls, seconds = flireo_tallies.seconds + excluded.seconds, open_calls = flireo_tallies.open_calls + excluded.open_calls; END IF;
            INSERT INTO flireo_tallies (campaign, span, key, calls, seconds, open_calls) VALUES (NEW.campaign, 'campaign', '', CASE WHEN NEW.state = 'not_placed' THEN 0 ELSE 1 END, CASE WHEN NEW.state = 'ended' THEN 1 * COALESCE(NEW.duration_seconds, 0) ELSE 0 END, CASE WHEN NEW.state IN ('ended', 'not_placed') THEN 0 ELSE 1 END), (NEW.campaign, 'run', NEW.run, CASE WHEN NEW.state = 'not_placed' THEN 0 ELSE 1 END, CASE WHEN NEW.state = 'ended' THEN 1 * COALESCE(NEW.duration_seconds, 0) ELSE 0 END, CASE WHEN NEW.state IN ('ended', 'not_placed') THEN 0 ELSE 1 END), (NEW.campaign, 'quarter', CAST(CAST(FLOOR(NEW.began_at / 900) AS BIGINT) AS VARCHAR), CASE WHEN NEW.state = 'not_placed' THEN 0 ELSE 1 END, CASE WHEN NEW.state = 'ended' THEN 1 * COALESCE(NEW.duration_seconds, 0) ELSE 0 END, CASE WHEN NEW.state IN ('ended', 'not_placed') THEN 0 ELSE 1 END) ON CONFLICT (campaign, span, key) DO UPDATE SET calls = flireo_tallies.calls + excluded.calls, seconds = flireo_tallies.seconds + excluded.seconds, open_calls = flireo_tallies.open_calls + excluded.open_calls;
            RETURN NULL;
        END $$;

CREATE TRIGGER flireo_tally_begun AFTER INSERT ON flireo_attempts FOR EACH ROW EXECUTE FUNCTION flireo_tally();

CREATE TRIGGER flireo_tally_changed AFTER UPDATE OF state, duration_seconds, began_at ON flireo_attempts FOR EACH ROW WHEN ((OLD.state IN ('ended', 'not_placed') OR NEW.state IN ('ended', 'not_placed')) AND (OLD.state <> NEW.state OR COALESCE(OLD.duration_seconds, -1) <> COALESCE(NEW.duration_seconds, -1)) OR OLD.began_at <> NEW.began_at) EXECUTE FUNCTION flireo_tally();

CREATE OR REPLACE FUNCTION flireo_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER flireo_attempt_moves BEFORE UPDATE OF state ON flireo_attempts FOR EACH ROW WHEN (OLD.state <> NEW.state AND NOT ((OLD.state = 'sending' AND NEW.state IN ('not_placed', 'placed', 'unknown')) OR (OLD.state = 'unknown' AND NEW.state IN ('not_placed', 'placed')) OR (OLD.state = 'placed' AND NEW.state IN ('ended', 'not_placed')))) EXECUTE FUNCTION flireo_refuse('the ledger refuses this move of an attempt');

CREATE TRIGGER flireo_call_was_placed BEFORE UPDATE OF state ON flireo_attempts FOR EACH ROW WHEN (NEW.state = 'not_placed' AND NEW.call_id IS NOT NULL) EXECUTE FUNCTION flireo_refuse('the ledger refuses to say of a call that it was not placed');

CREATE TRIGGER flireo_lead_moves BEFORE UPDATE OF state ON flireo_leads FOR EACH ROW WHEN (OLD.state <> NEW.state AND NOT ((OLD.state = 'waiting' AND NEW.state IN ('calling', 'done', 'review', 'skipped')) OR (OLD.state = 'calling' AND NEW.state IN ('done', 'review', 'skipped', 'waiting')) OR (OLD.state = 'skipped' AND NEW.state IN ('waiting')) OR (OLD.state = 'review' AND NEW.state IN ('done', 'waiting')) OR (OLD.state = 'done' AND NEW.state IN ('review')))) EXECUTE FUNCTION flireo_refuse('the ledger refuses this move of a lead');

CREATE TRIGGER flireo_attempts_stay BEFORE DELETE ON flireo_attempts FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION flireo_refuse('the ledger never deletes an attempt');

CREATE TRIGGER flireo_attempt_identity BEFORE UPDATE OF lead_id, campaign, phone, number ON flireo_attempts FOR EACH ROW WHEN (OLD.lead_id <> NEW.lead_id OR OLD.campaign <> NEW.campaign OR OLD.number <> NEW.number OR OLD.phone <> NEW.phone AND NEW.phone NOT LIKE 'forgotten-%') EXECUTE FUNCTION flireo_refuse('the ledger refuses to make an attempt that of somebody else');

CREATE TRIGGER flireo_lead_identity BEFORE UPDATE OF campaign, phone ON flireo_leads FOR EACH ROW WHEN (OLD.campaign <> NEW.campaign OR OLD.phone <> NEW.phone AND NEW.phone NOT LIKE 'forgotten-%') EXECUTE FUNCTION flireo_refuse('the ledger refuses to make a lead somebody else');

CREATE TRIGGER flireo_attempt_call_id BEFORE UPDATE OF call_id ON flireo_attempts FOR EACH ROW WHEN (OLD.call_id IS NOT NULL AND (NEW.call_id IS NULL OR (OLD.call_id <> NEW.call_id AND NEW.call_id NOT LIKE 'forgotten-%'))) EXECUTE FUNCTION flireo_refuse('the ledger refuses to change the call_id of an attempt');

CREATE TRIGGER flireo_attempt_report_id BEFORE UPDATE OF report_id ON flireo_attempts FOR EACH ROW WHEN (OLD.report_id IS NOT NULL AND (NEW.report_id IS NULL OR (OLD.report_id <> NEW.report_id AND NEW.report_id NOT LIKE 'forgotten-%'))) EXECUTE FUNCTION flireo_refuse('the ledger refuses to change the report_id of an attempt');

CREATE TRIGGER flireo_attempt_reference BEFORE UPDATE OF reference ON flireo_attempts FOR EACH ROW WHEN (OLD.reference IS NOT NULL AND (NEW.reference IS NULL OR (OLD.reference <> NEW.reference AND NEW.reference NOT LIKE 'forgotten-%'))) EXECUTE FUNCTION flireo_refuse('the ledger refuses to change the reference of an attempt');
