CREATE TABLE flireo_do_not_call (
    campaign VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    PRIMARY KEY (campaign, phone)
);

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
    rang_at FLOAT,
    PRIMARY KEY (id),
    UNIQUE (digest)
);

CREATE INDEX flireo_waiting_reports ON flireo_inbox (state, call_id);

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
    PRIMARY KEY (id),
    UNIQUE (campaign, phone)
);

CREATE INDEX flireo_next_lead ON flireo_leads (campaign, state, not_before, id);

CREATE TABLE flireo_meta (
    key VARCHAR NOT NULL,
    value VARCHAR,
    PRIMARY KEY (key)
);

CREATE TABLE flireo_requests (
    campaign VARCHAR NOT NULL,
    route VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (campaign, route, status)
);

CREATE TABLE flireo_runners (
    id VARCHAR NOT NULL,
    campaign VARCHAR NOT NULL,
    started_at FLOAT NOT NULL,
    lease_until FLOAT NOT NULL,
    PRIMARY KEY (id)
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
    PRIMARY KEY (id),
    UNIQUE (campaign, phone, number),
    FOREIGN KEY(lead_id) REFERENCES flireo_leads (id),
    UNIQUE (call_id),
    UNIQUE (report_id)
);

CREATE INDEX flireo_attempts_of_phone ON flireo_attempts (phone, state);

CREATE UNIQUE INDEX flireo_one_open_attempt ON flireo_attempts (campaign, phone) WHERE state IN ('sending', 'unknown', 'placed');

CREATE INDEX flireo_open_attempts ON flireo_attempts (campaign, state);
